"""Tries forecasters on the past of one series: what each was worth, and which of them is to be served.

The trial, the choice and the scores are those of ``ml_core.forecasters``, by which the backtest command goes too.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from cloudwatch_engine.models import ENSEMBLE
from ml_core.artifacts.forecaster_format import TriedForecasters
from ml_core.errors import FieldError, InvalidInput
from ml_core.forecasters.backtest import Progress, no_progress
from ml_core.forecasters.base import MOST_HISTORY, Forecaster
from ml_core.forecasters.catalogue import HEAVY
from ml_core.forecasters.scoring import judged_from, score
from ml_core.forecasters.serving import Served, serve
from ml_core.forecasters.trial import trial, usual_stride
from ml_core.timeseries.series import Floats, Series, regular_series

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
    """What came of it, best first; ``recent_*`` is what was served step by step, and what came."""

    served: Served
    models: tuple[ModelTrial, ...]
    recent_times: tuple[datetime, ...]
    recent_truths: Floats
    recent_predictions: Floats

    @property
    def preferred(self) -> str:
        """The name of the one that is served at the newest value."""
        return self.served.models[-1]

    @property
    def able(self) -> frozenset[str]:
        """The names of those that have a forecast at the newest value."""
        paths = self.served.tried.paths
        return frozenset(name for name, made in paths.items() if np.isfinite(made.point[-1]).all())

    @property
    def origins(self) -> int:
        """How many past forecasts of each model count in its scores."""
        origins = self.served.tried.origins
        return int((origins >= judged_from(self.served.tried)).sum())

    @property
    def members(self) -> tuple[str, ...]:
        """Return those that a served forecast is made of: the light ones, and a heavy one where it is preferred."""
        names = [name for name in self.served.tried.paths if name in self.able]
        light = tuple(name for name in names if name not in HEAVY or name == self.preferred)
        return light if ENSEMBLE in self.served.paths else tuple(name for name in light if name in self.served.paths)

    def with_fitted(self, members: Mapping[str, Forecaster]) -> TriedForecasters:
        """Return forecasters that were fitted anew, with what those of the trial had said."""
        tried = self.served.tried
        times = tuple(tried.history.time_at(int(index)) for index in tried.origins)
        race = tuple(name for name in self.served.paths if name in members or (name == ENSEMBLE and len(members) > 1))
        return TriedForecasters(members, times, {name: tried.paths[name].point for name in members}, race)


def make_series(points: Mapping[datetime, float], step: timedelta | None = None) -> tuple[Series, tuple[str, ...]]:
    """Return points as a regular series, and what was left out, in sentences; raise ``InvalidInput``."""
    history = regular_series(list(points), np.array(list(points.values())), step)
    if len(history) <= MOST_HISTORY:
        return history, ()
    return history.latest(MOST_HISTORY), (f"of {len(history):,} points the newest {MOST_HISTORY:,} are used",)


def hold_trial(
    history: Series,
    forecasters: Sequence[Forecaster],
    limit: float | None = None,
    names: Collection[str] | None = None,
    progress: Progress = no_progress,
) -> Trial:
    """Try forecasters; of ``names``, all and their ensemble if not told, the preferred one is served.

    Raises ``InvalidInput`` if the series is too short for it, or none of them can use it.
    """
    (horizon,) = {forecaster.horizon for forecaster in forecasters}
    check_length(history, horizon)
    tried = trial(history, forecasters, stride=usual_stride(history.step, horizon), progress=progress)
    served = serve(tried, limit, names)
    seconds = dict(tried.seconds)
    seconds[ENSEMBLE] = sum(spent for name, spent in seconds.items() if name not in HEAVY)
    reasons = {left.name: left.reason for left in tried.left_out}
    models = []
    for name, said in served.paths.items():
        found = score(served.tried, said)
        models.append(ModelTrial(name, found or None, None if found else reasons.get(name), seconds[name]))
    models.sort(key=lambda model: model.scores["mean_absolute_error"] if model.scores else math.inf)
    return Trial(served, tuple(models), *_recent(served))


def check_length(history: Series, horizon: int) -> None:
    """Raise ``InvalidInput`` for a series on which forecasts of ``horizon`` steps cannot be tried."""
    fewest = 2 * horizon + _FEWEST_BEYOND
    known = int(np.isfinite(history.values).sum())
    if known < fewest:
        message = f"expected at least {fewest} points to forecast {horizon} steps and to try it, not {known}"
        raise InvalidInput(f"series: {message}", [FieldError("series", message)])


def _recent(served: Served) -> tuple[tuple[datetime, ...], Floats, Floats]:
    """Return times, truths and forecasts from each origin to the next, gaps left out, of the newest so many points."""
    tried = served.tried
    stride = int(tried.origins[1] - tried.origins[0]) if len(tried.origins) > 1 else 1
    ahead = np.arange(min(stride, tried.horizon))
    index = (tried.origins[:, None] + 1 + ahead).ravel()
    truths = tried.truths[:, ahead].ravel()
    said = served.point[:, ahead].ravel()
    known = np.flatnonzero(np.isfinite(truths))[-_MOST_RECENT:]
    times = tuple(tried.history.time_at(int(number)) for number in index[known])
    return times, truths[known], said[known]
