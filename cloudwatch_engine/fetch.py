"""``python -m cloudwatch_engine fetch``: brings the newest points of all instances into the store.

1. Read which metrics are wanted, and from where (the setting ``cloudwatch.source``).
2. Ask from a while before the newest known point, since recent points settle late, to two periods before now.
3. Join what two names of one metric have by time; the agent's memory goes before the old scripts'.
4. Record what is new, correct what has changed since, and say where points are missing. Nothing is filled in.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

from cloudwatch_engine import aws
from cloudwatch_engine.cloudwatch import CloudWatch
from cloudwatch_engine.generated import GeneratedInstance, generated_queries
from cloudwatch_engine.names import Metric, series_name
from cloudwatch_engine.queries import MetricQuery, read_queries
from cloudwatch_engine.readings import Points, Reading, Source
from ml_core.clock import format_time
from ml_core.config import resolve_path
from ml_core.records import Observation
from ml_core.settings import CloudWatchSettings
from ml_core.store.base import Store

log = logging.getLogger(__name__)
Key = tuple[str, Metric]
SILENT_PERIODS = 24


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a fetch came to, for one series: points that are new, corrected and missing between first and last.

    It ``is_silent`` if it has had no point for the last ``SILENT_PERIODS``.
    """

    series: str
    new: int
    corrected: int
    missing: int
    newest_time: datetime | None
    is_silent: bool = False


def open_source(settings: CloudWatchSettings) -> tuple[Source, tuple[MetricQuery, ...]]:
    """Return the source of the settings and what to ask it; raise ``ConfigurationError`` and ``CloudWatchRefused``."""
    if settings.source == "generated":
        return GeneratedInstance(settings.period_seconds), generated_queries()
    queries = read_queries(resolve_path(settings.queries_file))
    return CloudWatch(aws.new_client(settings), settings.period_seconds), queries


def fetch(
    store: Store, settings: CloudWatchSettings, source: Source, queries: Sequence[MetricQuery], now: datetime
) -> list[Fetched]:
    """Bring all series up to ``now``, less the delay; return what came, a row a series."""
    period = timedelta(seconds=settings.period_seconds)
    end = _slot(now, period) - settings.delay_periods * period
    earliest = _slot(end - timedelta(days=settings.history_days), period)
    by_start: dict[datetime, list[MetricQuery]] = {}
    known_until = {_key(query): _newest(store, query, earliest, end) for query in queries}
    for query in queries:
        newest = known_until[_key(query)]
        start = earliest if newest is None else newest - settings.overlap_periods * period
        by_start.setdefault(max(earliest, start), []).append(query)
    readings: dict[str, Points] = {}
    for start, group in by_start.items():
        reading = source.read(group, start, end)
        readings |= reading.points
        for note in reading.notes:
            log.warning("%s", note)
    joined = join(queries, Reading(readings))
    rows = [_record(store, key, points, period, now) for key, points in joined.items()]
    heard = end - SILENT_PERIODS * period
    return [replace(row, is_silent=row.newest_time is None or row.newest_time < heard) for row in rows]


def join(queries: Sequence[MetricQuery], reading: Reading) -> dict[Key, Points]:
    """Return the points by instance and metric; where two names of one metric have a time, the lower rank wins."""
    joined: dict[Key, dict[datetime, float]] = {}
    for query in sorted(queries, key=lambda query: -query.known.rank):
        joined.setdefault(_key(query), {}).update(reading.points.get(query.query_id, {}))
    return {key: dict(sorted(points.items())) for key, points in joined.items()}


def _record(store: Store, key: Key, points: Points, period: timedelta, now: datetime) -> Fetched:
    series = series_name(*key)
    if not points:
        log.warning("%s: no points came; is the instance running, and are all its dimensions named?", series)
        return Fetched(series, 0, 0, 0, None)
    first, last = min(points), max(points)
    frame = store.observations(series, first, last + period)
    known = {time.to_pydatetime(): value for time, value in zip(frame["time"], frame["value"], strict=True)}
    new = [Observation(time, value, now) for time, value in points.items() if time not in known]
    changed = [
        Observation(time, value, now, correct=True)
        for time, value in points.items()
        if time in known and known[time] != value
    ]
    if new or changed:
        store.record_observations(series, [*new, *changed])
    times = sorted(known.keys() | points.keys())
    missing = _report_gaps(series, times, period)
    return Fetched(series, len(new), len(changed), missing, last)


def _report_gaps(series: str, times: Sequence[datetime], period: timedelta) -> int:
    """Log how many points are missing and where most of them are, and return how many."""
    gaps = [(round((after - before) / period) - 1, before) for before, after in pairwise(times)]
    missing = sum(absent for absent, _ in gaps)
    if missing:
        longest, before = max(gaps, key=lambda gap: gap[0])
        log.info(
            "%s: %d points are missing, in the longest gap %d, after %s", series, missing, longest, format_time(before)
        )
    return missing


def _newest(store: Store, query: MetricQuery, start: datetime, end: datetime) -> datetime | None:
    times = store.observations(series_name(*_key(query)), start, end)["time"]
    return None if times.empty else times.iloc[-1].to_pydatetime()


def _key(query: MetricQuery) -> Key:
    return query.instance, query.metric


def _slot(time: datetime, period: timedelta) -> datetime:
    seconds = int(time.timestamp())
    return time.replace(microsecond=0) - timedelta(seconds=seconds % int(period.total_seconds()))
