"""Slices of time-ordered rows that are judged one by one: so many rows each, or a period of the calendar (UTC).

Chunks are stable: rows that come later in time add chunks and fill the last one, but change no chunk that was complete.
Rows that come late - with a time before others already there - do move the borders of chunks by size; where that
happens, choose periods.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, SupportsInt, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_monitor.monitoring.inputs import refused

Period = Literal["hour", "day", "week", "month"]
PERIODS: tuple[Period, ...] = get_args(Period)
DEFAULT_ROWS = 1000
MOST_ROWS = 1_000_000_000
"""Of a chunk by size: more than is ever kept of one model, and a number that every store holds."""

_NUMPY_UNITS = {"hour": "h", "day": "D", "month": "M"}
_RESOLUTION = timedelta(microseconds=1)
_DAYS_PER_WEEK = 7
_MONDAY = -3  # 1970-01-01, day 0 of numpy, was a Thursday


@dataclass(frozen=True, slots=True)
class BySize:
    """Chunks of ``rows`` rows each; raises ``InvalidInput`` for fewer than one."""

    rows: int = DEFAULT_ROWS

    def __post_init__(self) -> None:
        if self.rows < 1:
            raise refused("rows", f"at least 1, not {self.rows}")


@dataclass(frozen=True, slots=True)
class ByPeriod:
    """One chunk for each hour, day, ISO week (from Monday on) or month of UTC.

    Periods without rows between the first row and the last are left out, unless ``with_empty``. Raises ``InvalidInput``
    for another period.
    """

    period: Period
    with_empty: bool = False

    def __post_init__(self) -> None:
        if self.period not in PERIODS:
            raise refused("period", f"one of {', '.join(PERIODS)}, not {self.period!r}")


Chunking = BySize | ByPeriod


@dataclass(frozen=True, slots=True)
class Chunk:
    """One slice: ``first_row`` is the position of its first row in the frame, ``stop_row`` that after its last.

    Times are half-open, ``start_time <= time < end_time``: the limits of the period or, for a chunk by size, the time
    of its first row and a microsecond (the resolution of stored times) after that of its last. So an ``end_time`` never
    depends on the next chunk; of rows that share a time at the border of two chunks, the positions tell which is whose.
    """

    index: int
    start_time: datetime
    end_time: datetime
    first_row: int
    stop_row: int
    is_complete: bool

    @property
    def rows(self) -> slice:
        """The positions of the rows, for ``iloc`` and for arrays."""
        return slice(self.first_row, self.stop_row)

    @property
    def row_count(self) -> int:
        """How many rows it has."""
        return self.stop_row - self.first_row


def parse_chunking(text: str, *, with_empty: bool = False) -> Chunking:
    """Read ``1000`` as chunks by size and ``day`` as chunks by period; raise ``InvalidInput`` for anything else."""
    for period in PERIODS:
        if text == period:
            return ByPeriod(period, with_empty)
    digits = text.lstrip("0") if text.isascii() and text.isdigit() else ""
    if len(digits) > len(str(MOST_ROWS)) or int(digits or 0) > MOST_ROWS:
        raise refused("chunking", f"at most {MOST_ROWS:,} rows")
    if digits:
        return BySize(int(digits))
    raise refused("chunking", f"a number of rows or one of {', '.join(PERIODS)}, not {text[:40]!r}")


def split(frame: pd.DataFrame, chunking: Chunking, *, until: datetime | None = None, time: str = "time") -> list[Chunk]:
    """Return the chunks of a frame, whose column ``time`` holds aware times in ascending order.

    A chunk by size is complete if it has all its rows. A period is complete if it ends at or before ``until``, up to
    which the frame is known to hold everything; without ``until``, if there is a row after it. Raises ``InvalidInput``
    for a missing column, times that are missing, naive or out of order, and a naive ``until``.
    """
    if until is not None and until.tzinfo is None:
        raise refused("until", "an aware time")
    times = _microseconds(frame, time)
    if not len(times):
        return []
    if isinstance(chunking, BySize):
        return list(_by_size(times, chunking.rows))
    return list(_by_period(times, chunking, until))


def _by_size(times: NDArray[np.int64], rows: int) -> Iterator[Chunk]:
    for index, first in enumerate(range(0, len(times), rows)):
        stop = min(first + rows, len(times))
        end_time = _time(times[stop - 1]) + _RESOLUTION
        yield Chunk(index, _time(times[first]), end_time, first, stop, stop - first == rows)


def _by_period(times: NDArray[np.int64], chunking: ByPeriod, until: datetime | None) -> Iterator[Chunk]:
    numbers = _period_numbers(times, chunking.period)
    firsts = np.flatnonzero(np.diff(numbers, prepend=numbers[0] - 1))
    present = numbers[firsts]
    wanted = np.arange(present[0], present[-1] + 1) if chunking.with_empty else present
    starts = np.searchsorted(numbers, wanted)
    stops = np.searchsorted(numbers, wanted, side="right")
    for index, (number, first, stop) in enumerate(zip(wanted, starts, stops, strict=True)):
        start_time, end_time = (
            _period_start(int(number), chunking.period),
            _period_start(int(number) + 1, chunking.period),
        )
        is_complete = number < present[-1] if until is None else end_time <= until
        yield Chunk(index, start_time, end_time, int(first), int(stop), bool(is_complete))


def _period_numbers(times: NDArray[np.int64], period: Period) -> NDArray[np.int64]:
    """Return in which period since the epoch each time lies."""
    instants = times.view("datetime64[us]")
    if period == "week":
        days = instants.astype("datetime64[D]").astype(np.int64)
        return (days - _MONDAY) // _DAYS_PER_WEEK
    return instants.astype(f"datetime64[{_NUMPY_UNITS[period]}]").astype(np.int64)


def _period_start(number: int, period: Period) -> datetime:
    unit = "D" if period == "week" else _NUMPY_UNITS[period]
    count = number * _DAYS_PER_WEEK + _MONDAY if period == "week" else number
    return _time(np.array(count).astype(f"datetime64[{unit}]").astype("datetime64[us]").astype(np.int64))


def _time(microseconds: SupportsInt) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(microseconds))


def _microseconds(frame: pd.DataFrame, time: str) -> NDArray[np.int64]:
    if time not in frame.columns:
        raise refused(time, "a column of this name")
    column: pd.Series[Any] = frame[time]
    if not isinstance(column.dtype, pd.DatetimeTZDtype):
        raise refused(time, f"aware times, not {column.dtype}")
    if column.isna().any():
        raise refused(time, "a time in every row")
    instants = column.dt.tz_convert("UTC").dt.as_unit("us").dt.tz_localize(None)
    times: NDArray[np.int64] = instants.to_numpy(dtype="datetime64[us]").view(np.int64)
    if np.any(times[1:] < times[:-1]):
        raise refused(time, "times in ascending order")
    return times
