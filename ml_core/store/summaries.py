"""What predictions come to: sums that merge, from which every store draws counts, means and deviations by window."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from ml_core.clock import as_utc
from ml_core.records import Value

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
MICROSECOND = timedelta(microseconds=1)
SUMMED_BELOW = 1e100
"""Numbers as big as this are counted but not summed: the sum of their squares would leave the range of a float."""


class Sums(NamedTuple):
    """``numbers`` of ``rows`` predictions have a value that is summed; it is a label in the others, or too big."""

    rows: int
    numbers: int
    total: float
    total_of_squares: float

    def plus(self, other: Sums) -> Sums:
        """Return the sums of both together."""
        return Sums(
            self.rows + other.rows,
            self.numbers + other.numbers,
            self.total + other.total,
            self.total_of_squares + other.total_of_squares,
        )


NOTHING = Sums(0, 0, 0.0, 0.0)


def sums_of(values: Iterable[Value]) -> Sums:
    """Return the sums of some predicted values."""
    rows, numbers = 0, []
    for value in values:
        rows += 1
        if not isinstance(value, str) and -SUMMED_BELOW < value < SUMMED_BELOW:
            numbers.append(value)
    return Sums(rows, len(numbers), math.fsum(numbers), math.fsum(value * value for value in numbers))


def merged(parts: Iterable[Mapping[int, Sums]]) -> dict[int, Sums]:
    """Return the sums by window of all parts together, in the order of the windows, without those that hold none."""
    together: defaultdict[int, Sums] = defaultdict(lambda: NOTHING)
    for part in parts:
        for window, sums in part.items():
            together[window] = together[window].plus(sums)
    return {window: sums for window, sums in sorted(together.items()) if sums.rows}


def counts_by_window(sums: Mapping[int, Sums], window: timedelta) -> dict[datetime, int]:
    """Return the counts by the time at which each window begins."""
    return {EPOCH + number * window: each.rows for number, each in sums.items()}


def hour_of(time: datetime) -> datetime:
    """Return the beginning of the hour of a time in UTC."""
    return time.replace(minute=0, second=0, microsecond=0)


def number_of_microseconds(time: datetime | timedelta) -> int:
    """Return a duration, or the time since the epoch, in microseconds."""
    return (time if isinstance(time, timedelta) else as_utc(time) - EPOCH) // MICROSECOND


def check_window(window: timedelta) -> None:
    """Return if a window has a length; raise ``ValueError``."""
    if window <= timedelta(0):
        raise ValueError(f"window: expected a positive duration, not {window}")


def whole_hours(start: datetime, end: datetime, window: timedelta) -> tuple[datetime, datetime] | None:
    """Return the first and the last full hour of a range; None if it has none, or a window may end inside an hour."""
    if window % HOUR or end - start < HOUR:
        return None
    first = start + -(start - EPOCH) % HOUR
    last = end - (end - EPOCH) % HOUR
    return (first, last) if first < last else None
