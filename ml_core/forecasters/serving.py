"""What is served: of a backtest up to now, at each origin the forecaster that it prefers, with intervals and warning.

The ensemble and every single forecaster are in the race, the naive one too. They are judged by mean absolute error over
the whole horizon at the last completed origins; percentages choose nothing, since values near zero make them
meaningless. A single forecaster takes the place of the ensemble only where it was better at the same origins by more
than chance explains: of several that are nearly equal, the best of the past is mostly the luckiest.

Every number at an origin is as of its time, so the last origin of a backtest that ends now is the forecast to serve,
and the others are what would have been served then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ml_core.forecasters.backtest import Backtest
from ml_core.forecasters.base import Path
from ml_core.forecasters.ensemble import NAME, Combination, combine, completed_at, group_errors
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

    ``models``: by origin, the name of the one that was preferred. ``point``: ``(origins, horizon)``. ``quantiles``:
    ``(origins, horizon, 5)`` for the levels of ``QUANTILES``. ``errors``: by name, the mean absolute error at each
    origin over the steps that have come, NaN where none has.
    """

    tried: Backtest
    ensemble: Combination
    models: Sequence[str]
    point: Floats
    quantiles: Floats
    errors: Mapping[str, Floats]
    overload: Overload | None

    def path(self, row: int = -1) -> Path:
        """Return the forecast of one origin, the newest if not told."""
        history = self.tried.history
        issue_time = history.time_at(int(self.tried.origins[row]))
        return Path(issue_time, history.step, self.point[row], self.quantiles[row])


def serve(tried: Backtest, limit: float | None = None) -> Served:
    """Return what is served at each origin of a backtest; with ``limit`` also the chance that it is crossed.

    Raises ``ValueError`` if no forecaster could be fitted at some origin.
    """
    ensemble = combine(tried)
    if not np.isfinite(ensemble.point).all():
        raise ValueError("forecasters: expected at least one that can be fitted at each origin, such as naive")
    paths = {NAME: ensemble.point} | {name: tried.paths[name].point for name in ensemble.members}
    errors = group_errors(np.stack(list(paths.values())), tried.truths)
    models, point = [], np.empty_like(ensemble.point)
    for row, ready in enumerate(completed_at(tried.origins, tried.horizon)):
        there = [name for name, path in paths.items() if np.isfinite(path[row]).all()]
        lately = dict(zip(paths, errors[max(0, ready - WINDOW) : ready].T, strict=True))
        models.append(preferred({name: lately[name] for name in there}))
        point[row] = paths[models[-1]][row]
    values = tried.history.values
    quantiles = intervals(values, tried.origins, point, tried.truths)
    warning = None
    if limit is not None:
        warning = overload(filled_forward(values), tried.origins, point, tried.truths, quantiles, limit)
    by_name = {name: errors[:, place] for place, name in enumerate(paths)}
    return Served(tried, ensemble, models, point, quantiles, by_name, warning)


def preferred(errors: Mapping[str, Floats]) -> str:
    """Return the name of the ensemble, or of the single forecaster that was significantly better at the same origins.

    ``errors``: by name, those at the last completed origins, NaN where there was no forecast.
    """
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
