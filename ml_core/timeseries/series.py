"""A series on a regular grid of UTC times. A slot without a value is a gap: reported, and never filled with zeros.

>>> from datetime import UTC, datetime, timedelta
>>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
>>> times = [noon, noon + timedelta(minutes=5), noon + timedelta(minutes=20)]
>>> series = regular_series(times, [1.0, 2.0, 5.0])
>>> series.values.tolist()
[1.0, 2.0, nan, nan, 5.0]
>>> [(gap.start_time.minute, gap.slots) for gap in series.gaps()]
[(10, 2)]
>>> series.until(1).values.tolist()
[1.0, 2.0]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ml_core.errors import FieldError, InvalidInput

Floats = NDArray[np.float64]

MOST_SLOTS = 1_000_000
LARGEST_VALUE = 1e100  # squares and sums of what is below stay finite
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Gap:
    """Slots without a value, from ``start_time`` on."""

    start_time: datetime
    slots: int


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Values (NaN: a gap) at ``start_time + index * step``; times are aware UTC.

    ``beside`` holds by name what other series had at the same times, as many values each. It is cut with the series, so
    that who is handed a history knows no more of the others than of this one.
    """

    start_time: datetime
    step: timedelta
    values: Floats
    beside: Mapping[str, Floats] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def end_time(self) -> datetime:
        """The time of the last value."""
        return self.time_at(len(self) - 1)

    @property
    def steps_per_day(self) -> int:
        """The length of the daily season in steps, 0 for steps that a day is not a multiple of."""
        return DAY // self.step if DAY % self.step == timedelta(0) else 0

    def time_at(self, index: int) -> datetime:
        """Return the time of an index, which may lie beyond the end."""
        return self.start_time + index * self.step

    def index_at(self, time: datetime) -> int:
        """Return the index of the last slot that is not after ``time``; -1 if all are."""
        return max((time - self.start_time) // self.step, -1)

    def until(self, index: int) -> Series:
        """Return what was known when the value at ``index`` was the newest."""
        return self._cut(slice(0, index + 1))

    def latest(self, count: int) -> Series:
        """Return the newest ``count`` slots, or all if there are fewer."""
        skipped = max(len(self) - count, 0)
        return self._cut(slice(skipped, None)) if skipped else self

    def gaps(self) -> list[Gap]:
        """Return the runs of slots without a value, oldest first."""
        missing = np.concatenate([[False], np.isnan(self.values), [False]]).astype(np.int8)
        starts, ends = np.flatnonzero(np.diff(missing) == 1), np.flatnonzero(np.diff(missing) == -1)
        return [Gap(self.time_at(int(a)), int(b - a)) for a, b in zip(starts, ends, strict=True)]

    def _cut(self, kept: slice) -> Series:
        beside = {name: values[kept] for name, values in self.beside.items()}
        return Series(self.time_at(kept.start), self.step, self.values[kept], beside)


def regular_series(times: Sequence[datetime] | pd.Series, values: ArrayLike, step: timedelta | None = None) -> Series:
    """Put values, in any order, on a regular grid that starts at the oldest time; a slot has the mean of its values.

    ``step`` is the most frequent distance of neighbours where it is not given. Values that are not finite are gaps.
    Raises ``InvalidInput`` that names the field: no finite value at all, one value without a step, naive times, values
    beyond 1e100, or a grid of more than a million slots.
    """
    stamps = pd.DatetimeIndex(pd.Series(times)) if len(times) else pd.DatetimeIndex([], tz=UTC)
    numbers = np.asarray(values, dtype=np.float64)
    if stamps.tz is None:
        raise _refused("times", "expected times with a zone, not naive ones")
    if numbers.shape != stamps.shape:
        raise _refused("values", f"expected as many values as times: {len(stamps)}, not {len(numbers)}")
    if (stamps.isna() & np.isfinite(numbers)).any():
        raise _refused("times", "expected a time for each value")
    known = np.isfinite(numbers)
    stamps, numbers = stamps[known].tz_convert(UTC).as_unit("us"), numbers[known]
    if not len(numbers):
        raise _refused("values", "expected at least one finite value")
    if np.abs(numbers).max() > LARGEST_VALUE:
        raise _refused("values", f"expected values of at most {LARGEST_VALUE:g} in size")
    microseconds = stamps.astype(np.int64).to_numpy()
    width = _microseconds(step) if step is not None else _most_frequent_distance(microseconds)
    slots = (microseconds - microseconds.min()) // width
    length = int(slots.max()) + 1
    if length > MOST_SLOTS:
        raise _refused(
            "times", f"expected at most {MOST_SLOTS:,} slots between the first time and the last: {length:,}"
        )
    counts = np.bincount(slots, minlength=length)
    sums = np.bincount(slots, weights=numbers, minlength=length)
    grid = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return Series(stamps.min().to_pydatetime(), timedelta(microseconds=width), grid)


def _most_frequent_distance(microseconds: NDArray[np.int64]) -> int:
    distances = np.diff(np.unique(microseconds))
    if not len(distances):
        raise _refused("step", "expected a step, which a single time does not show")
    found, counts = np.unique(distances, return_counts=True)
    return int(found[np.argmax(counts)])  # the shortest of those that are equally frequent


def _microseconds(step: timedelta) -> int:
    if step <= timedelta(0):
        raise _refused("step", "expected a positive step")
    return step // timedelta(microseconds=1)


def _refused(field: str, message: str) -> InvalidInput:
    return InvalidInput(f"{field}: {message}", [FieldError(field, message)])
