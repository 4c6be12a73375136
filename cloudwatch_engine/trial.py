"""Tries forecasters on the past of one series, and says which of them is to be served.

Every forecaster forecasts the same origins in the last three tenths, fitted once on what came before them; the quick
ones are also tried together, as an ensemble. The ensemble is served unless another was better by more than chance
explains (``ml_core.forecasters.serving``), and without it the one with the smallest mean absolute error, the naive
one in the race. MAPE is told, as the first system did, and never chooses, since near zero it means nothing. Of equals
the first of the catalogue wins, which is the simpler.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from cloudwatch_engine.models import ENSEMBLE, quick_names
from ml_core import scores
from ml_core.artifacts.forecaster_format import TriedForecasters
from ml_core.errors import FieldError, InvalidInput
from ml_core.forecasters.backtest import Backtest, Progress, backtest, no_progress, origins_until
from ml_core.forecasters.base import QUANTILES, CannotForecast, Forecaster, Paths
from ml_core.forecasters.ensemble import combine, group_errors
from ml_core.forecasters.intervals import intervals
from ml_core.forecasters.serving import preferred
from ml_core.timeseries.series import Floats, Series, regular_series

MOST_POINTS = 8_064
"""The newest so many points are looked at: four weeks of five minutes."""
_TRIED_SHARE = 0.3
_MOST_ORIGINS = 120
_MOST_RECENT = 288
_FEWEST_BEYOND = 12


@dataclass(frozen=True, slots=True)
class ModelTrial:
    """What one forecaster is worth on a series: its scores in the unit of the series, or why it has none."""

    name: str
    scores: Mapping[str, float] | None
    reason: str | None
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """What came of it, best first; ``recent_*`` is what the served one said step by step, and what came."""

    tried: Backtest
    models: tuple[ModelTrial, ...]
    served: str
    recent_times: tuple[datetime, ...]
    recent_truths: Floats
    recent_predictions: Floats

    def members(self, name: str) -> tuple[str, ...]:
        """Return the forecasters that stand behind a name: those of the ensemble, or the one itself."""
        if name != ENSEMBLE:
            return (name,)
        return tuple(member for member in quick_names() if member in self.able)

    @property
    def able(self) -> frozenset[str]:
        """The names of those that could be tried."""
        return frozenset(model.name for model in self.models if model.scores is not None)

    def with_fitted(self, members: Mapping[str, Forecaster]) -> TriedForecasters:
        """Return forecasters that were fitted anew, with what those of the trial had said."""
        times = tuple(self.tried.history.time_at(int(index)) for index in self.tried.origins)
        return TriedForecasters(members, times, {name: self.tried.paths[name].point for name in members})


def make_series(points: Mapping[datetime, float], step: timedelta | None = None) -> tuple[Series, tuple[str, ...]]:
    """Return points as a regular series, and what was left out, in sentences; raise ``InvalidInput``."""
    history = regular_series(list(points), np.array(list(points.values())), step)
    if len(history) <= MOST_POINTS:
        return history, ()
    first = len(history) - MOST_POINTS
    cut = Series(history.time_at(first), history.step, history.values[first:])
    return cut, (f"of {len(history):,} points the newest {MOST_POINTS:,} are used",)


def hold_trial(
    history: Series,
    forecasters: Sequence[Forecaster],
    progress: Progress = no_progress,
    *,
    with_ensemble: bool = False,
) -> Trial:
    """Try forecasters, and on demand the quick ones among them together.

    Raises ``InvalidInput`` if the series is too short for it, or none of them can use it.
    """
    (horizon,) = {forecaster.horizon for forecaster in forecasters}
    check_length(history, horizon)
    first = len(history) - max(int(_TRIED_SHARE * len(history)), horizon + _FEWEST_BEYOND // 2)
    last = len(history) - 2  # with the newest value no truth is known
    stride = max(1, (last - first) // _MOST_ORIGINS + 1)
    tried = backtest(
        history, forecasters, origins=origins_until(last, stride, first), refits=[first], progress=progress
    )
    reasons = {left.name: left.reason for left in tried.left_out}
    if with_ensemble:
        tried = _with_ensemble(tried, [name for name in quick_names() if name in tried.paths and name not in reasons])
    models = [
        ModelTrial(name, _scores(tried, name) if name not in reasons else None, reasons.get(name), tried.seconds[name])
        for name in tried.paths
    ]
    ranked = sorted(models, key=lambda model: model.scores["mean_absolute_error"] if model.scores else math.inf)
    if ranked[0].scores is None:
        raise CannotForecast(f"none of the models can use this series: {ranked[0].reason}")
    served = _preferred(tried, [model.name for model in ranked if model.scores is not None])
    return Trial(tried, tuple(ranked), served, *_recent(tried, served))


def check_length(history: Series, horizon: int) -> None:
    """Raise ``InvalidInput`` for a series on which forecasts of ``horizon`` steps cannot be tried."""
    fewest = 2 * horizon + _FEWEST_BEYOND
    known = int(np.isfinite(history.values).sum())
    if known < fewest:
        message = f"expected at least {fewest} points to forecast {horizon} steps and to try it, not {known}"
        raise InvalidInput(f"series: {message}", [FieldError("series", message)])


def _with_ensemble(tried: Backtest, members: Sequence[str]) -> Backtest:
    if len(members) < 2:
        return tried
    together = combine(replace(tried, paths={name: tried.paths[name] for name in members}))
    seconds = sum(tried.seconds[name] for name in members)
    return replace(
        tried,
        paths={**tried.paths, ENSEMBLE: Paths(together.point)},
        seconds={**tried.seconds, ENSEMBLE: seconds},
    )


def _preferred(tried: Backtest, ranked: Sequence[str]) -> str:
    """Return the best; where the ensemble takes part, it is it unless another was better by more than chance."""
    if ENSEMBLE not in ranked:
        return ranked[0]
    errors = group_errors(np.stack([tried.paths[name].point for name in ranked]), tried.truths)
    return preferred(dict(zip(ranked, errors.T, strict=True)))


def _scores(tried: Backtest, name: str) -> dict[str, float]:
    point = tried.paths[name].point
    known = np.isfinite(tried.truths)
    quantiles = intervals(tried.history.values, tried.origins, point, tried.truths)[known]
    truths, said = tried.truths[known], point[known]
    found = {
        "mean_absolute_error": scores.mean_absolute_error(truths, said),
        "mean_squared_error": scores.mean_squared_error(truths, said),
        "coverage_80": float(np.mean((quantiles[:, 1] <= truths) & (truths <= quantiles[:, 3]))),
        "coverage_95": float(np.mean((quantiles[:, 0] <= truths) & (truths <= quantiles[:, 4]))),
    }
    size = float(np.abs(truths).sum())
    if size > 0:
        found["weighted_quantile_loss"] = _quantile_loss(truths, quantiles) / size
    away_from_zero = np.abs(truths) > 1e-9
    if away_from_zero.any():
        shares = np.abs(truths - said)[away_from_zero] / np.abs(truths)[away_from_zero]
        found["mean_absolute_percentage_error"] = float(100 * shares.mean())
    return found


def _quantile_loss(truths: Floats, quantiles: Floats) -> float:
    """Return twice the pinball loss, summed over the values and averaged over the levels ``QUANTILES``."""
    above = truths[:, None] - quantiles
    levels = np.array(QUANTILES)
    return float(2 * np.maximum(levels * above, (levels - 1) * above).sum(axis=0).mean())


def _recent(tried: Backtest, name: str) -> tuple[tuple[datetime, ...], Floats, Floats]:
    """Return times, truths and forecasts from each origin to the next, gaps left out, of the newest so many points."""
    stride = int(tried.origins[1] - tried.origins[0]) if len(tried.origins) > 1 else 1
    ahead = np.arange(min(stride, tried.horizon))
    index = (tried.origins[:, None] + 1 + ahead).ravel()
    truths = tried.truths[:, ahead].ravel()
    said = tried.paths[name].point[:, ahead].ravel()
    known = np.flatnonzero(np.isfinite(truths))[-_MOST_RECENT:]
    times = tuple(tried.history.time_at(int(number)) for number in index[known])
    return times, truths[known], said[known]
