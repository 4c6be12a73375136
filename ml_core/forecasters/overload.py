"""The chance that a limit is crossed within the horizon, when the first crossing is to be expected, and when to warn.

Three opinions are pooled by the mean of their log-odds, since none is best everywhere:

- joint paths: the point forecast plus the whole residual path of each of the last completed origins (a block bootstrap
  whose block is the horizon), each smoothed by the median size of a residual; the share of paths that cross;
- the same paths as wide as the interval is now: each residual in units of the width that the 80 % interval had then;
- how near the newest value is, in thirds of the distance from the usual level to the limit (of three spreads at least).

Until enough origins are complete for paths, the largest one-step chance under a normal distribution with the width of
the 80 % interval stands for them; it is too low, since a path has as many chances to cross as steps.

The pool is then shifted, in log-odds, so that at the completed origins it has said on average what came, with some
reluctance while there are few (a logistic calibration of the intercept alone, penalised towards no shift). Origins that
are closer than the horizon tell in part the same: each counts as the share of the horizon that lies since the last one.

The expected first crossing is the weighted median, over the joint paths that cross, of the first step that does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_core.forecasters.ensemble import completed_at
from ml_core.timeseries.series import Floats
from ml_core.timeseries.windows import robust_spread

WINDOW = 400
HALF_LIFE = 200.0
FEWEST_PATHS = 5
RELUCTANCE = 2.0  # a shift of one costs as many whole horizons of doubt
MOST_WIDER = 10.0
_FARTHEST_SHIFT = 4.0
_EIGHTY = 2.5631  # the width of the middle 80 % of a standard normal distribution
_SURE = 1e-4  # no opinion is surer than this, so that none silences the others


@dataclass(frozen=True, slots=True, eq=False)
class Overload:
    """By origin the ``chance`` of a crossing, and ``first_step`` (1..horizon), NaN where no path crosses."""

    limit: float
    chance: Floats
    first_step: Floats


def overload(
    values: Floats, origins: NDArray[np.int64], point: Floats, truths: Floats, bands: Floats, limit: float
) -> Overload:
    """Return the warning at each origin, as of its time.

    ``values`` is the series with gaps carried forward, ``point`` and ``truths`` are ``(origins, horizon)``, ``bands``
    the quantiles of ``intervals``. Raises ``ValueError`` for a limit that is not finite.
    """
    if not math.isfinite(limit):
        raise ValueError(f"limit: expected a finite number, not {limit}")
    odds, first_step = np.empty(len(origins)), np.full(len(origins), np.nan)
    residuals = truths - point
    width = np.maximum((bands[:, :, 3] - bands[:, :, 1]) / _EIGHTY, 1e-12 * max(abs(limit), 1.0))
    one_step = _above((limit - point) / width).max(axis=1)
    completed = completed_at(origins, point.shape[1])
    for row, (origin, ready) in enumerate(zip(origins, completed, strict=True)):
        past = slice(max(0, ready - WINDOW), int(ready))
        weights = 0.5 ** (np.arange(past.stop - past.start)[::-1] / HALF_LIFE)
        whole = np.isfinite(residuals[past]).all(axis=1)
        opinions = [_near(values[: origin + 1], limit)]
        if whole.sum() >= FEWEST_PATHS:
            pool, weights = residuals[past][whole], weights[whole]
            crossing, first_step[row] = _joint(point[row], pool, weights, limit)
            wider = np.clip(width[row] / width[past][whole], 1 / MOST_WIDER, MOST_WIDER)
            scaled, _ = _joint(point[row], wider * pool, weights, limit)
            opinions += [crossing, scaled]
        else:
            opinions.append(one_step[row])
        odds[row] = _pooled_odds(opinions)
    told = np.minimum(np.diff(origins, prepend=origins[0] - point.shape[1]) / point.shape[1], 1.0)
    chance = 1 / (1 + np.exp(-(odds + _shifts(odds, truths, limit, completed, told))))
    return Overload(limit, chance, first_step)


def alert_level(missed_cost: float, false_cost: float) -> float:
    """Return the chance from which on a warning costs less than silence, for the costs of a missed and a false one.

    >>> alert_level(missed_cost=4, false_cost=1)
    0.2

    Raises ``ValueError`` for costs that are not positive.
    """
    if not (missed_cost > 0 and false_cost > 0 and math.isfinite(missed_cost + false_cost)):
        raise ValueError(f"costs: expected positive numbers, not {missed_cost} and {false_cost}")
    return false_cost / (missed_cost + false_cost)


def _joint(point: Floats, residuals: Floats, weights: Floats, limit: float) -> tuple[float, float]:
    """Return the share of the paths ``point + residuals`` that cross, and the middle first step of those that do."""
    paths = point + residuals
    size = float(np.median(np.abs(residuals - np.median(residuals))))
    width = max(size, 1e-12 * max(abs(limit), 1.0))
    share = float((weights * _above((limit - paths.max(axis=1)) / width)).sum() / weights.sum())
    crosses = paths > limit
    those = crosses.any(axis=1)
    if not those.any():
        return share, math.nan
    steps, mass = crosses[those].argmax(axis=1) + 1, weights[those]
    order = np.argsort(steps, kind="stable")
    half = np.searchsorted(np.cumsum(mass[order]), mass.sum() / 2)
    return share, float(steps[order][min(int(half), len(order) - 1)])


def _near(known: Floats, limit: float) -> float:
    usual = float(np.median(known))
    distance = max(limit - usual, 3 * robust_spread(known), 1e-12 * max(abs(limit), 1.0))
    return float(_above(np.array(3 * (limit - known[-1]) / distance)))


def _above(distance: Floats) -> Floats:
    """Return the chance that a standard normal number exceeds ``distance`` (Abramowitz and Stegun 7.1.26, within 1e-7).

    In numpy alone: this also runs where scipy may not be loaded.
    """
    x = np.abs(np.clip(distance, -30, 30)) / math.sqrt(2)
    t = 1 / (1 + 0.3275911 * x)
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    tail = series * np.exp(-(x**2)) / 2
    return np.where(distance >= 0, tail, 1 - tail)


def _pooled_odds(opinions: list[float]) -> float:
    odds = [math.log(p / (1 - p)) for p in (min(max(float(p), _SURE), 1 - _SURE) for p in opinions)]
    return sum(odds) / len(odds)


def _shifts(odds: Floats, truths: Floats, limit: float, completed: NDArray[np.int64], weights: Floats) -> Floats:
    """Return for each origin the shift of log-odds that the completed origins, each with its weight, ask for."""
    crossed: NDArray[np.bool_] = np.any(truths > limit, axis=1)
    is_told: NDArray[np.bool_] = crossed | np.all(np.isfinite(truths), axis=1)
    shifts = np.zeros(len(odds))
    shift = 0.0
    for row, ready in enumerate(completed):
        told = is_told[:ready]
        for _ in range(5):  # Newton's steps from the last shift, which is near
            said = 1 / (1 + np.exp(-(odds[:ready][told] + shift)))
            slope = float((weights[:ready][told] * said * (1 - said)).sum()) + RELUCTANCE
            shift += float((weights[:ready][told] * (crossed[:ready][told] - said)).sum() - RELUCTANCE * shift) / slope
        shifts[row] = shift = float(np.clip(shift, -_FARTHEST_SHIFT, _FARTHEST_SHIFT))
    return shifts
