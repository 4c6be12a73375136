"""Intervals at 80 and 95 % from the trailing residuals of completed origins, adapted so that they cover what they say.

For each group of steps the residuals of the last completed origins are pooled, newer ones weighing more, and their
quantiles are added to the point forecast. Since residuals drift, the level at which the quantiles are taken is moved
after each origin by ``PACE * (share missed - share allowed)``: adaptive conformal inference (Gibbs and Candes 2021),
kept within bounds so that a calm week does not ask for the extremes of a wild one.

Before ``FEWEST_ORIGINS`` origins are complete, the changes of the series over as many steps stand for residuals.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ml_core.forecasters.base import QUANTILES
from ml_core.forecasters.ensemble import completed_at, step_groups
from ml_core.timeseries.series import Floats
from ml_core.timeseries.windows import filled_forward

WINDOW = 120
HALF_LIFE = 30.0
PACE = 0.02
FEWEST_ORIGINS = 8
CHANGES = 500
# Index of lower and upper quantile, the share that may be missed, and how far that may be adapted.
_LEVELS = ((1, 3, 0.20, 0.06, 0.45), (0, 4, 0.05, 0.02, 0.15))


@dataclass(slots=True)
class _Adapted:
    """The share that the quantiles of one level leave outside, as it has been adapted so far."""

    lower: int
    upper: int
    allowed: float
    least: float
    most: float
    share: float = field(init=False)

    def __post_init__(self) -> None:
        self.share = self.allowed

    def take(self, missed: float) -> None:
        if np.isfinite(missed):
            self.share = float(np.clip(self.share + PACE * (self.allowed - missed), self.least, self.most))


def intervals(values: Floats, origins: NDArray[np.int64], point: Floats, truths: Floats) -> Floats:
    """Return quantiles ``(origins, horizon, 5)`` for the levels ``QUANTILES``, the middle one being ``point``.

    ``values`` is the series, ``point`` and ``truths`` are ``(origins, horizon)``. That at an origin depends on what was
    known then alone.
    """
    bands = np.repeat(point[:, :, None], len(QUANTILES), axis=2)
    known_values = filled_forward(values)
    for group in step_groups(point.shape[1]):
        levels = [_Adapted(*level) for level in _LEVELS]
        residuals = truths[:, group] - point[:, group]
        taken = 0
        for origin, ready in enumerate(completed_at(origins, group.stop)):
            for past in range(taken, int(ready)):
                _adapt(levels, bands[past, group], truths[past, group])
            taken = max(taken, int(ready))
            pool = residuals[max(0, taken - WINDOW) : taken]
            if len(pool) >= FEWEST_ORIGINS and np.isfinite(pool).sum() >= FEWEST_ORIGINS:
                offsets = _offsets(pool, levels)
            else:
                offsets = _changes(known_values[: origins[origin] + 1], group.stop)
            bands[origin, group] += offsets
    return bands


def _adapt(levels: list[_Adapted], bands: Floats, truths: Floats) -> None:
    known = np.isfinite(truths)
    if known.any():
        for level in levels:
            outside = (truths < bands[:, level.lower]) | (truths > bands[:, level.upper])
            level.take(float(outside[known].mean()))


def _offsets(pool: Floats, levels: list[_Adapted]) -> Floats:
    weights = np.repeat(0.5 ** (np.arange(len(pool))[::-1] / HALF_LIFE), pool.shape[1])
    flat = pool.ravel()
    known = np.isfinite(flat)
    order = np.argsort(flat[known])
    ordered, mass = flat[known][order], weights[known][order]
    places = (np.cumsum(mass) - mass / 2) / mass.sum()
    offsets = np.zeros(len(QUANTILES))
    for level in levels:
        offsets[[level.lower, level.upper]] = np.interp([level.share / 2, 1 - level.share / 2], places, ordered)
    return _nested(offsets)


def _changes(known: Floats, steps: int) -> Floats:
    lag = min(steps, len(known) - 1)
    if lag < 1:
        return np.zeros(len(QUANTILES))
    changes = (known[lag:] - known[:-lag])[-CHANGES:]
    return _nested(np.quantile(changes, QUANTILES))


def _nested(offsets: Floats) -> Floats:
    """Return offsets in order, with the point forecast (0) inside the 80 % and that inside the 95 %."""
    lower_80, upper_80 = min(offsets[1], 0.0), max(offsets[3], 0.0)
    return np.array([min(offsets[0], lower_80), lower_80, 0.0, upper_80, max(offsets[4], upper_80)])
