"""Judges metric points that other parts of the suite have written: each new point of a watched metric is a chunk.

A point is judged once its stretch of time has ended, so a replay sees none of its future. What a part says about the
future, such as the probability of an overload within the hour, it writes under the stretch in which it said so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ml_core.clock import format_time, parse_time
from ml_core.store.base import Store
from ml_monitor.alerting.rules import AlertRule, Fixed
from ml_monitor.evaluation.chunk_finder import Stretch
from ml_monitor.evaluation.judging import Judged
from ml_monitor.monitoring.results import Direction, Number, Undefined
from ml_monitor.monitoring.thresholds.base import Threshold
from ml_monitor.results.metric_results import result_of_point
from ml_monitor.results.results_store import Result, segment_name

_FIRST_LOOK_BACK = timedelta(days=31)
_WRITTEN_LATE = timedelta(days=1)
"""How much later than a newer one a point may be written, or corrected, and still be judged."""
_RESOLUTION = timedelta(microseconds=1)


@dataclass
class WatchedPoints:
    """What rules said of points. ``seen`` holds the start of the newest point by rule, metric and segment."""

    seen: dict[str, str] = field(default_factory=dict)
    verdicts: list[tuple[Judged, Stretch]] = field(default_factory=list)
    new: int = 0


def judge_points(
    store: Store, model: str, rules: Sequence[AlertRule], seen: Mapping[str, str], as_of: datetime
) -> WatchedPoints:
    """Return what the rules of a model that watch metrics say of the points that have ended by ``as_of``.

    ``seen`` is what the last call returned. Nothing is stored; raises ``StoreUnavailable``.
    """
    found = WatchedPoints()
    watching = [rule for rule in rules if rule.watches == "metric"]
    there = set(store.list_metrics(model)) if watching else set()
    for rule in watching:
        newest = seen.get(rule.name)
        start = as_of - _FIRST_LOOK_BACK if newest is None else parse_time(newest) - _WRITTEN_LATE
        last = newest
        for metric in rule.metrics:
            if metric not in there:
                continue
            segment = None if rule.segment is None else segment_name(rule.segment)
            points = store.metric_series(model, metric, start, as_of + _RESOLUTION, segment=segment)
            for point in points[points["end_time"] <= as_of].itertuples(index=False):
                result = result_of_point(metric, point)
                found.verdicts.append((_judge(rule, result), Stretch(result.start_time, result.end_time)))
                began = format_time(result.start_time)
                found.new += newest is None or began > newest
                last = began if last is None or began > last else last
        if last is not None:
            found.seen[rule.name] = last
    return found


def _judge(rule: AlertRule, result: Result) -> Judged:
    wanted = rule.threshold
    assert isinstance(wanted, Fixed)
    threshold = Threshold(wanted.lower, wanted.upper, "fixed")
    return Judged(rule, result, threshold.judge(result.value, _worse_side(wanted, result.value)), threshold)


def _worse_side(wanted: Fixed, value: Number) -> Direction:
    """Return the direction by which a value is judged: nobody knows one of such a metric, so both bounds count."""
    if wanted.upper is None or (wanted.lower is not None and not isinstance(value, Undefined) and value < wanted.lower):
        return "higher_is_better"
    return "lower_is_better"
