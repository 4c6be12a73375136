"""What is served: of a backtest up to now, at each origin the forecaster that it prefers, with intervals and warning.

The single forecasters are in the race, the naive one too, and the ensemble of the light ones. They are judged by mean
absolute error over the whole horizon at the last completed origins; percentages choose nothing, since values near zero
make them meaningless. A single forecaster takes the place of the ensemble only where it was better at the same origins
by more than chance explains: of several that are nearly equal, the best of the past is mostly the luckiest. Without the
ensemble in the race the best of the past is what there is.

Every number at an origin is as of its time, so the last origin of a backtest that ends now is the forecast to serve,
and the others are what would have been served then. There is no other way to a served forecast: the backtest command,
a training, a data set that is sent, and the forecast of every few minutes (``continued``) all end here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ml_core.forecasters.backtest import Backtest
from ml_core.forecasters.base import CannotForecast, Path
from ml_core.forecasters.catalogue import HEAVY
from ml_core.forecasters.ensemble import NAME, combine, completed_at, group_errors
from ml_core.forecasters.intervals import intervals
from ml_core.forecasters.overload import Overload, overload
from ml_core.timeseries.series import Floats
from ml_core.timeseries.windows import filled_forward

WINDOW = 60
FEWEST_ORIGINS = 20
STANDARD_ERRORS = 3.0  # forecasts of neighbouring origins overlap, so that two would be too few


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """The served forecasts of a backtest.

    ``models``: by origin, the name of the one that was preferred. ``paths``: by name, what each of the race said,
    ``(origins, horizon)``. ``point``: what was served, of the same shape. ``quantiles``: ``(origins, horizon, 5)`` for
    the levels of ``QUANTILES``. ``overload``: of the limit, where one was told.
    """

    tried: Backtest
    paths: Mapping[str, Floats]
    models: Sequence[str]
    point: Floats
    quantiles: Floats
    overload: Overload | None

    def path(self, row: int = -1) -> Path:
        """Return the forecast of one origin, the newest if not told."""
        history = self.tried.history
        issue_time = history.time_at(int(self.tried.origins[row]))
        return Path(issue_time, history.step, self.point[row], self.quantiles[row])

    def chance_within(self, steps: int) -> float:
        """Return the chance that the limit is crossed within the first steps after the newest origin."""
        assert self.overload is not None
        values, first = filled_forward(self.tried.history.values), np.s_[:, :steps]
        arrays = (self.point[first], self.tried.truths[first], self.quantiles[first])
        return float(overload(values, self.tried.origins, *arrays, self.overload.limit).chance[-1])


def serve(tried: Backtest, limit: float | None = None, names: Collection[str] | None = None) -> Served:
    """Return what is served at each origin of a backtest; with ``limit`` also the chance that it is crossed.

    ``names`` are those that may be served, all if not told; the ensemble, which is called ``NAME``, takes part where
    two or more of its members do. Origins at which none of them has a forecast are left out. Raises ``CannotForecast``
    if none has one at the newest origin.
    """
    paths = race(tried, names)
    there = np.any([np.isfinite(path).all(axis=1) for path in paths.values()], axis=0) if paths else np.array([False])
    if not there[-1]:
        raise CannotForecast(f"none of the models can use this series: {reason_of(tried)}")
    tried = tried.at(there)
    paths = {name: path[there] for name, path in paths.items()}
    errors = group_errors(np.stack(list(paths.values())), tried.truths)
    models, point = [], np.empty((len(tried.origins), tried.horizon))
    for row, ready in enumerate(completed_at(tried.origins, tried.horizon)):
        able = [name for name, path in paths.items() if np.isfinite(path[row]).all()]
        lately = dict(zip(paths, errors[max(0, ready - WINDOW) : ready].T, strict=True))
        models.append(preferred({name: lately[name] for name in able}))
        point[row] = paths[models[-1]][row]
    values = tried.history.values
    quantiles = intervals(values, tried.origins, point, tried.truths)
    warning = None
    if limit is not None:
        warning = overload(filled_forward(values), tried.origins, point, tried.truths, quantiles, limit)
    return Served(tried, paths, models, point, quantiles, warning)


def race(tried: Backtest, names: Collection[str] | None = None) -> dict[str, Floats]:
    """Return what each of those in the race said, the ensemble first if it takes part."""
    light = [name for name, paths in tried.paths.items() if name not in HEAVY and np.isfinite(paths.point).any()]
    singles = {name: paths.point for name, paths in tried.paths.items() if names is None or name in names}
    if len(light) > 1 and (names is None or NAME in names):
        return {NAME: combine(tried, light).point} | singles
    return singles


def reason_of(tried: Backtest) -> str:
    """Return why the first of those that could not forecast could not."""
    return tried.left_out[0].reason if tried.left_out else "none of them takes part"


def preferred(errors: Mapping[str, Floats]) -> str:
    """Return the name of the ensemble, or of the single forecaster that was significantly better at the same origins.

    ``errors``: by name, those at the last completed origins, NaN where there was no forecast. Without the ensemble it
    is the first of those with the smallest mean error where all had a forecast.
    """
    if NAME not in errors:
        known = np.all([np.isfinite(theirs) for theirs in errors.values()], axis=0)
        return min(errors, key=lambda name: float(errors[name][known].sum()))
    best, gain = NAME, 0.0
    for name, theirs in errors.items():
        better = errors[NAME] - theirs
        better = better[np.isfinite(better)]
        if len(better) < FEWEST_ORIGINS:
            continue
        mean = float(better.mean())
        if mean > gain and mean > STANDARD_ERRORS * float(better.std(ddof=1)) / np.sqrt(len(better)):
            best, gain = name, mean
    return best
