"""How good a version was when it was trained, by hours ahead: on what it learnt from, and at times it had not seen."""

from __future__ import annotations

from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from ml_core.forecasters.backtest import Backtest, truths_after
from ml_core.forecasters.base import Forecaster
from ml_core.timeseries.series import Floats, Series

TRAIN, TEST, VALIDATION = "train set", "baseline test", "baseline validation"
_VALIDATION_HOURS = 6
_FIRST_ORIGIN = 24


class Score(TypedDict):
    """The share of the variance that is explained (None if there is none), the error in ms, and of how many hours."""

    r2: float | None
    rmse: float
    rows: int


def training_scores(history: Series, race: Backtest, fitted: Forecaster) -> dict[str, dict[str, Score]]:
    """Return the scores by set and hours ahead, ``1H`` and on.

    The train set is all that the version was fitted on; of the race, in which each forecast knew only what was before
    it, the last six hours are the validation and the others the test. A set without a known hour is left out.
    """
    learnt = np.arange(min(_FIRST_ORIGIN, len(history) - 2), len(history) - 1)
    learnt_points = fitted.forecast_at(history, learnt).point
    points = race.paths[fitted.name].point
    targets = race.origins[:, None] + np.arange(1, race.horizon + 1)
    is_last = targets >= len(history) - _VALIDATION_HOURS
    everything = np.ones(learnt_points.shape, dtype=np.bool_)
    sets = {
        TRAIN: _scores(learnt_points, truths_after(history, learnt, race.horizon), everything),
        TEST: _scores(points, race.truths, ~is_last),
        VALIDATION: _scores(points, race.truths, is_last),
    }
    return {name: scores for name, scores in sets.items() if scores}


def _scores(points: Floats, truths: Floats, wanted: NDArray[np.bool_]) -> dict[str, Score]:
    found: dict[str, Score] = {}
    for step in range(points.shape[1]):
        kept = wanted[:, step] & np.isfinite(points[:, step]) & np.isfinite(truths[:, step])
        if not kept.any():
            continue
        truth, errors = truths[kept, step], truths[kept, step] - points[kept, step]
        spread = float(((truth - truth.mean()) ** 2).sum())
        found[f"{step + 1}H"] = {
            "r2": 1 - float((errors**2).sum()) / spread if spread > 0 else None,
            "rmse": float(np.sqrt((errors**2).mean())),
            "rows": int(kept.sum()),
        }
    return found
