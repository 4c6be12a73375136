"""The plots inside an alert's mail: the metric per chunk, with the threshold that it crossed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from ml_core.plots import Limit, Line, plain_text, time_chart
from ml_core.store.base import Store
from ml_monitor.alerting.messages import News
from ml_monitor.monitoring.results import Undefined
from ml_monitor.results.metric_results import points_of
from ml_monitor.results.results_store import GROUPS, Group, Result, list_chunkings, read_results

_MOST = 4
_BEFORE = timedelta(days=30)
_AFTER = timedelta(minutes=1)
_MOST_POINTS = 500


def draw_pictures(store: Store, news: Sequence[News], now: datetime) -> dict[str, bytes]:
    """Return a PNG by title for each of the first alerts of which results are stored; an ingest alert has none."""
    pictures = {}
    for each in news[:_MOST]:
        results = results_of(store, each, now)
        if results:
            key = each.notice.key
            segment = f", segment {key.segment}" if key.segment else ""
            title = plain_text(f"{key.subject} of {key.model}{segment}")
            pictures[title] = _draw(title, each, results)
    return pictures


def results_of(store: Store, news: News, now: datetime) -> list[Result]:
    """Return the results that the alert was judged by, in order of time; none if they are no longer stored."""
    key = news.notice.key
    subject = key.subject.removesuffix(f" by {news.alert.rule}")
    start = min(news.notice.first_time, now) - _BEFORE
    if key.cause == "metric":
        return points_of(store, key.model, subject, key.segment, start, now + _AFTER)[-_MOST_POINTS:]
    group: Group | None = next((group for group in GROUPS if group == key.cause), None)
    if group is None:
        return []
    # The subject is a metric, a column, or "<metric> of <column>".
    is_of_columns = group in ("drift", "quality")
    names = None if is_of_columns else frozenset({subject})
    columns = frozenset({"", subject, subject.partition(" of ")[2]}) if is_of_columns else None
    series: dict[tuple[str, str, str], list[Result]] = {}
    for chunk in list_chunkings(store, key.model):
        for result in read_results(
            store,
            key.model,
            group,
            start,
            now + _AFTER,
            chunk=chunk,
            segment=key.segment,
            names=names,
            columns=columns,
        ):
            if subject in (result.column or result.name, f"{result.name} of {result.column}"):
                series.setdefault((chunk, result.name, result.column), []).append(result)
    if not series:
        return []

    def is_judged(results: Sequence[Result]) -> bool:
        return any(result.value == news.notice.value for result in results)

    # A column may have results of several methods, and a metric of several chunkings: that of the alert is shown.
    shown = max(series.values(), key=is_judged)
    return sorted(shown, key=lambda result: result.start_time)


def _draw(title: str, news: News, results: Sequence[Result]) -> bytes:
    values = [None if isinstance(result.value, Undefined) else result.value for result in results]
    errors = [result.standard_error for result in results]
    name = plain_text(results[0].name)
    line = Line(name, [result.start_time for result in results], values, errors)
    threshold = news.notice.threshold
    limits = [] if threshold is None else [Limit("threshold", threshold)]
    return time_chart(title, name, [line], limits=limits)
