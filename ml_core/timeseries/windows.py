"""Windows of a series as a learner takes them, and scalers that are fitted on training data alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from ml_core.timeseries.series import Floats

_CONSISTENT = 1.4826  # makes the median absolute deviation of a normal distribution its standard deviation


def filled_forward(values: Floats) -> Floats:
    """Return the values with each gap holding the last value before it: what was known then, never a zero.

    A gap at the start has nothing before it and takes the first value there is. An array without a value stays so.
    """
    known = np.isfinite(values)
    if known.all() or not known.any():
        return values
    last = np.maximum.accumulate(np.where(known, np.arange(len(values)), 0))
    last[: np.argmax(known)] = np.argmax(known)
    return values[last]


def lag_windows(values: Floats, ends: np.ndarray, length: int) -> Floats:
    """Return a row for each index of ``ends``: the ``length`` values up to and with it, newest last.

    What lies before the start takes the first value, so that a window is whole at any index.
    """
    index = np.maximum(ends[:, None] - np.arange(length - 1, -1, -1), 0)
    return values[index]


@dataclass(frozen=True, slots=True)
class Scaler:
    """Centre and spread of training data; the spread is 1 where the data has none."""

    centre: float
    spread: float

    @classmethod
    def fitted(cls, values: Floats) -> Self:
        """Return the scaler of the finite values: mean and standard deviation."""
        known = values[np.isfinite(values)]
        centre, spread = (float(known.mean()), float(known.std())) if len(known) else (0.0, 1.0)
        return cls(centre, spread if spread > abs(centre) * 1e-12 else 1.0)

    def scale(self, values: Floats) -> Floats:
        """Return the values in units of the spread, from the centre."""
        return (values - self.centre) / self.spread

    def unscale(self, values: Floats) -> Floats:
        """Return what ``scale`` was made from."""
        return values * self.spread + self.centre


def robust_spread(values: Floats) -> float:
    """Return the scaled median absolute deviation of the finite values; their standard deviation where it is 0."""
    known = values[np.isfinite(values)]
    if not len(known):
        return 0.0
    deviation = float(np.median(np.abs(known - np.median(known)))) * _CONSISTENT
    return deviation if deviation > 0 else float(known.std())
