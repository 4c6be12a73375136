"""The typical day of a series: a mean for each slot of the day, of working days and of weekends, in UTC.

Weekends of which little is known borrow from all days, and so do working days: the mean over all of them counts as
much as ``_BORROWED`` of a day. Days may be left out, so that a learner meets in its examples what it will meet when it
serves: a typical day of which the day to come is no part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_core.timeseries.series import Floats

DAY_SECONDS = 86_400
KINDS = 2
"""Working days, and weekends."""
_BORROWED = 0.3
_FARTHEST = 4.0
_CONSISTENT = 1.4826  # makes the median absolute deviation of a normal distribution its standard deviation
_EPOCH_WEEKDAY = 3  # the first day of 1970 was a Thursday
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Days:
    """What was measured, day by day: ``values (days, slots, columns)``, NaN where nothing was, from ``first_day`` on.

    Days are counted from 1970.
    """

    first_day: int
    values: Floats

    @classmethod
    def of(cls, values: Floats, start_second: int, step_seconds: int) -> Days:
        """Return the days of ``values (count, columns)``, the first at ``start_second`` since 1970."""
        slots = start_second // step_seconds + np.arange(len(values), dtype=np.int64)
        per_day = DAY_SECONDS // step_seconds
        days = slots // per_day
        first, last = (int(days[0]), int(days[-1])) if len(days) else (0, -1)
        table = np.full((last - first + 1, per_day, values.shape[1]), np.nan)
        table[days - first, slots % per_day] = values
        return cls(first, table)

    def clipped(self, farthest: float = _FARTHEST) -> Days:
        """Return them with each slot drawn to within ``farthest`` robust spreads of its median.

        One day on which a link carried a thousand times as much shall not make a typical day. A slot whose median
        absolute deviation is 0 is measured by its standard deviation.
        """
        centre = median(self.values)
        spread = _CONSISTENT * median(np.abs(self.values - centre))
        known = np.isfinite(self.values)
        away = np.where(known, self.values - centre, 0.0)
        deviation = np.sqrt(np.square(away).sum(axis=0) / np.maximum(known.sum(axis=0), 1))
        reach = farthest * np.where(spread > 0, spread, deviation)
        return Days(self.first_day, np.clip(self.values, centre - reach, centre + reach))

    def profile(self) -> Floats:
        """Return the typical days, ``(KINDS, slots, columns)``; of a slot that was never measured, the mean of all."""
        sums, counts = self._sums()
        return self._typical(sums, counts, sums.sum(axis=0), counts.sum(axis=0))

    def leaving_out(self, seconds: Integers, days: Integers) -> Floats:
        """Return the typical values at ``seconds (count, times)`` as if ``days (count, fewer)`` were not known.

        The answer is ``(count, times, columns)``. A day that comes twice in a row is left out once.
        """
        per_day = self.values.shape[1]
        kind, slot = kinds_of(seconds // DAY_SECONDS), seconds % DAY_SECONDS // (DAY_SECONDS // per_day)
        sums, counts = self._sums()
        all_sums, all_counts = sums.sum(axis=0)[slot], counts.sum(axis=0)[slot]
        own_sums, own_counts = sums[kind, slot], counts[kind, slot]
        for number in range(days.shape[1]):
            day = days[:, number]
            is_known = (day >= self.first_day) & (day < self.first_day + len(self.values))
            is_known &= ~(days[:, :number] == day[:, None]).any(axis=1)
            place = np.where(is_known, day - self.first_day, 0)
            there = self.values[place[:, None], slot]
            is_there = np.isfinite(there) & is_known[:, None, None]
            value = np.where(is_there, there, 0.0)
            is_same = (kinds_of(day)[:, None] == kind)[:, :, None]
            all_sums, all_counts = all_sums - value, all_counts - is_there
            own_sums, own_counts = own_sums - value * is_same, own_counts - (is_there & is_same)
        return self._typical(own_sums, own_counts, all_sums, all_counts)

    def _sums(self) -> tuple[Floats, Floats]:
        """Return sums and counts by kind of day, ``(KINDS, slots, columns)``."""
        known = np.isfinite(self.values)
        values, kind = np.where(known, self.values, 0.0), kinds_of(self.first_day + np.arange(len(self.values)))
        sums = np.stack([values[kind == each].sum(axis=0) for each in range(KINDS)])
        counts = np.stack([known[kind == each].sum(axis=0) for each in range(KINDS)])
        return sums, counts.astype(np.float64)

    def _typical(self, sums: Floats, counts: Floats, all_sums: Floats, all_counts: Floats) -> Floats:
        known = np.isfinite(self.values)
        total = np.where(known, self.values, 0.0).sum(axis=(0, 1)) / np.maximum(known.sum(axis=(0, 1)), 1)
        pooled = np.where(all_counts > 0, all_sums / np.maximum(all_counts, 1.0), total)
        return np.asarray((sums + _BORROWED * pooled) / (counts + _BORROWED), dtype=np.float64)


def median(values: Floats) -> Floats:
    """Return the median over the first axis of what is known, 0 where nothing is."""
    known = np.isfinite(values)
    count = known.sum(axis=0)
    if not len(values):
        return np.zeros(values.shape[1:])
    ordered = np.sort(np.where(known, values, np.inf), axis=0)
    low, high = (
        np.take_along_axis(ordered, np.maximum(place, 0)[None], axis=0)[0] for place in ((count - 1) // 2, count // 2)
    )
    return np.asarray(np.where(count > 0, (low + np.where(count > 1, high, low)) / 2, 0.0), dtype=np.float64)


def at(profiles: Floats, which: Integers, seconds: Integers) -> Floats:
    """Return the typical values at ``seconds (count, times)``, by the profile ``which (count,)`` of ``profiles``.

    ``profiles`` is ``(number, KINDS, slots, columns)``, the answer ``(count, times, columns)``.
    """
    step = DAY_SECONDS // profiles.shape[2]
    values = profiles[which[:, None], kinds_of(seconds // DAY_SECONDS), seconds % DAY_SECONDS // step]
    return np.asarray(values, dtype=np.float64)


def kinds_of(days: Integers) -> Integers:
    """Return 1 for weekends and 0 for working days, of days since 1970."""
    return np.asarray((days + _EPOCH_WEEKDAY) % 7 >= 5, dtype=np.int64)
