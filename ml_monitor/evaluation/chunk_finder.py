"""Finds the chunks of a model's predictions that are complete, as stretches of time, without reading all rows.

Periods follow the calendar. Chunks by size follow each other from the first prediction on: each ends with the time of
its last row, so rows of that same moment belong to it too, and rows that come late for a stretch that has ended join
it. So a chunk, once found, keeps its borders for good.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from ml_core.clock import as_utc
from ml_core.store.base import Store
from ml_monitor.monitoring.chunks import ByPeriod, BySize, Chunking, split

_HOUR = timedelta(hours=1)
_RESOLUTION = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Stretch:
    """The time of one chunk, half-open: ``start_time <= time < end_time``."""

    start_time: datetime
    end_time: datetime


def find_chunks(store: Store, model: str, chunking: Chunking, start: datetime, until: datetime) -> list[Stretch]:
    """Return the complete chunks from ``start`` on, a border of chunks, oldest first; ``until`` is what is known till.

    A period is complete when it has ended by ``until``; one without predictions is no chunk.
    """
    if isinstance(chunking, BySize):
        return _by_size(store, model, chunking.rows, start, until)
    return _by_period(store, model, chunking, start, until)


def _by_period(store: Store, model: str, chunking: ByPeriod, start: datetime, until: datetime) -> list[Stretch]:
    hours = sorted(store.count_predictions(model, start, until, _HOUR))
    if not hours:
        return []
    frame = pd.DataFrame({"time": pd.to_datetime(pd.Series(hours), utc=True).astype("datetime64[us, UTC]")})
    chunks = split(frame, ByPeriod(chunking.period), until=until)
    return [Stretch(as_utc(chunk.start_time), as_utc(chunk.end_time)) for chunk in chunks if chunk.is_complete]


def _by_size(store: Store, model: str, rows: int, start: datetime, until: datetime) -> list[Stretch]:
    found: list[Stretch] = []
    counted = 0
    counts = sorted(store.count_predictions(model, start, until, _HOUR).items())
    if counts:
        start = max(start, counts[0][0])
    for hour, count in counts:
        if counted + count < rows:
            counted += count
            continue
        # One chunk or more end within this hour: only now its rows are looked at.
        begin = max(start, hour)
        times = store.predictions(model, begin, min(hour + _HOUR, until))["time"]
        place = rows - counted - 1
        while place < len(times):
            end = times.iloc[place].to_pydatetime() + _RESOLUTION
            first = found[-1].end_time if found else start
            found.append(Stretch(first, end))
            after = int(times.searchsorted(pd.Timestamp(end)))
            place = after + rows - 1
            counted = len(times) - after
    return found
