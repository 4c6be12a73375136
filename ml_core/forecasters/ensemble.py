"""The ensemble: a median of all forecasters, weighted by how small their errors have lately been.

For each group of steps a forecaster weighs ``(its trailing error / the least)^-power``. The trailing error is the mean
absolute error at completed origins - those of which every step of the group had come by then - which counts half after
``HALF_LIFE`` origins. One that has completed few origins yet is held to be as good as the middle one, so that luck does
not decide. A weighted median keeps what the plain median of a few methods is good for (no outlier moves it) and leaves
out who has been wrong; weights by inverse error are as old as Bates and Granger (1969).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_core.forecasters.backtest import Backtest
from ml_core.timeseries.series import Floats

NAME = "ensemble"
POWER = 8.0
HALF_LIFE = 12.0
PRIOR_ORIGINS = 6.0


@dataclass(frozen=True, slots=True, eq=False)
class Combination:
    """The ensemble's forecasts ``(origins, horizon)`` and the weights behind them ``(origins, groups, members)``."""

    members: Sequence[str]
    groups: Sequence[slice]
    point: Floats
    weights: Floats


def step_groups(horizon: int) -> list[slice]:
    """Return the groups of steps that are judged together: 1, 2-3, 4-6, 7-12, 13-24, ... up to the horizon."""
    bounds, bound = [0, 1], 3
    while bounds[-1] < horizon:
        bounds.append(min(bound, horizon))
        bound = 2 * bound
    return [slice(low, high) for low, high in itertools.pairwise(bounds)]


def combine(tried: Backtest, names: Sequence[str] | None = None) -> Combination:
    """Return the ensemble of a backtest, or of those named, at each origin as of its time.

    Raises ``ValueError`` if none of them could be fitted.
    """
    wanted = tried.paths if names is None else names
    names = [name for name in wanted if np.isfinite(tried.paths[name].point).any()]
    if not names:
        raise ValueError("forecasters: expected at least one that can be fitted, such as naive")
    groups = step_groups(tried.horizon)
    paths = np.stack([tried.paths[name].point for name in names])
    weights = np.empty((len(tried.origins), len(groups), len(names)))
    point = np.empty(paths.shape[1:])
    for number, group in enumerate(groups):
        errors = group_errors(paths[:, :, group], tried.truths[:, group])
        trailing = trailing_errors(errors, completed_at(tried.origins, group.stop))
        weights[:, number] = _weights(trailing, np.isfinite(paths[:, :, group.start]).T)
        point[:, group] = weighted_median(paths[:, :, group], weights[:, number].T[:, :, None])
    return Combination(names, groups, point, weights)


def group_errors(paths: Floats, truths: Floats) -> Floats:
    """Return the mean absolute error by origin, ``(origins, members)``, of what is known; NaN where nothing is."""
    errors = np.abs(paths - truths)
    known = np.isfinite(errors)
    counts = known.sum(axis=2)
    sums = np.where(known, errors, 0.0).sum(axis=2)
    means: Floats = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan).T
    return means


def completed_at(origins: NDArray[np.int64], steps: int) -> NDArray[np.int64]:
    """Return for each origin how many of the origins had their first ``steps`` steps behind them by then."""
    return np.searchsorted(origins + steps, origins, side="right")


def trailing_errors(errors: Floats, completed: NDArray[np.int64], half_life: float = HALF_LIFE) -> Floats:
    """Return the trailing error at each origin ``(origins, members)``, shrunk to the middle one's; NaN before any."""
    decay = 0.5 ** (1 / half_life)
    sums, counts = np.zeros(errors.shape[1]), np.zeros(errors.shape[1])
    trailing = np.full(errors.shape, np.nan)
    taken = 0
    for origin, ready in enumerate(completed):
        for row in errors[taken:ready]:
            known = np.isfinite(row)
            sums = decay * sums + np.where(known, row, 0.0)
            counts = decay * counts + known
        taken = max(taken, int(ready))
        if (counts > 0).any():
            means = np.where(counts > 0, sums / np.maximum(counts, 1e-9), np.nan)
            trailing[origin] = (sums + PRIOR_ORIGINS * np.nanmedian(means)) / (counts + PRIOR_ORIGINS)
    return trailing


def weighted_median(values: Floats, weights: Floats) -> Floats:
    """Return the weighted median over the first axis, between two values where the half of the weight lies there.

    Values that are NaN weigh nothing; where all are, the median is NaN.
    """
    known = np.isfinite(values)
    mass = np.where(known, np.broadcast_to(weights, values.shape), 0.0)
    order = np.argsort(np.where(known, values, np.inf), axis=0, kind="stable")
    ordered = np.take_along_axis(values, order, axis=0)
    mass = np.take_along_axis(mass, order, axis=0)
    total = mass.sum(axis=0)
    middles = (np.cumsum(mass, axis=0) - mass / 2) / np.where(total > 0, total, 1.0)
    last = np.maximum(known.sum(axis=0) - 1, 0)
    upper = np.minimum((middles < 0.5).sum(axis=0), last)
    lower = np.maximum(np.minimum(upper - 1, last), 0)
    low, high = _at(ordered, lower), _at(ordered, upper)
    below, above = _at(middles, lower), _at(middles, upper)
    share = np.where(above > below, (0.5 - below) / np.where(above > below, above - below, 1.0), 1.0)
    median: Floats = low + np.clip(share, 0.0, 1.0) * (high - low)
    return median


def _at(values: Floats, index: NDArray[np.int64]) -> Floats:
    found: Floats = np.take_along_axis(values, index[None], axis=0)[0]
    return found


def _weights(trailing: Floats, is_there: NDArray[np.bool_]) -> Floats:
    """Return the weights ``(origins, members)``; equal ones before anything is known of anybody."""
    least = np.nanmin(np.where(np.isnan(trailing) | ~is_there, np.inf, trailing), axis=1, keepdims=True)
    judged = np.isfinite(least) & np.isfinite(trailing)
    size = np.where(judged, np.maximum(trailing, 1e-300), 1.0)
    ratio = np.where(judged, np.maximum(np.where(np.isfinite(least), least, 1.0), 1e-300) / size, 1.0)
    return np.where(is_there, ratio**POWER, 0.0)
