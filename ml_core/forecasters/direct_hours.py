"""A gradient-boosted model of its own for each step ahead: XGBoost, direct strategy, for hourly values.

The target is the change from the local level in units of the local spread, as in ``direct_xgboost``, since trees on raw
values cannot leave the range of their training data. Each step has its own trees, and beside the features that all
steps share it knows the same hour a week and two earlier, and whether now and then are weekends. Squares are minimised,
by which such forecasts are judged.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ml_core.forecasters.base import Arrays, Forecaster, Paths
from ml_core.forecasters.direct_xgboost import relative_features
from ml_core.timeseries.features import phases, same_phase_at
from ml_core.timeseries.series import Floats, Series

TRAINING_VALUES = 4320  # half a year of hours
_FARTHEST = 10.0


@dataclass(frozen=True, slots=True)
class Trees:
    """How the trees of every step are grown; the names are XGBoost's."""

    rounds: int = 120
    max_depth: int = 4
    eta: float = 0.05
    min_child_weight: float = 8.0
    subsample: float = 0.7
    colsample_bytree: float = 0.6
    reg_lambda: float = 5.0


class DirectHours(Forecaster):
    """Six hours ahead are six models. Each fit begins anew: within a second it has seen all there is."""

    name: ClassVar[str] = "direct_hours"
    needs: ClassVar[int] = 96
    longest_step: ClassVar[timedelta] = timedelta(hours=1)

    def __init__(
        self, *, horizon: int, seed: int = 0, budget_seconds: float = 60.0, trees: Trees | None = None
    ) -> None:
        super().__init__(horizon=horizon, seed=seed, budget_seconds=budget_seconds)
        self.trees = trees or Trees()
        self._boosters: list[Any] = []

    def fewest_values(self, step: timedelta) -> int:
        return self.needs + self.horizon

    def _fit(self, values: Floats, history: Series) -> None:
        import xgboost

        last = len(values) - 1
        # The first two days have no yesterday; a step beyond half a history would have too few rows of its own.
        start = max(min(48, last // 3), len(values) - TRAINING_VALUES)
        settings = self._settings()
        boosters = []
        for step in range(1, self.horizon + 1):
            times = np.arange(start, last - step + 1, dtype=np.int64)
            features, levels, spreads = _features(values, history, times, step)
            targets = np.clip((values[times + step] - levels) / spreads, -_FARTHEST, _FARTHEST)
            data = xgboost.QuantileDMatrix(features, targets, nthread=1, max_bin=64)
            boosters.append(xgboost.train(settings, data, num_boost_round=self.trees.rounds))
        self._boosters = boosters

    def _settings(self) -> Mapping[str, Any]:
        grown = {name: value for name, value in asdict(self.trees).items() if name != "rounds"}
        return {
            "objective": "reg:squarederror",
            "base_score": 0.0,
            "tree_method": "hist",
            "max_bin": 64,
            "seed": self.seed,
            "nthread": 1,
            **grown,
        }

    def _forecast(self, values: Floats, origins: NDArray[np.int64], history: Series) -> Paths:
        point = np.empty((len(origins), self.horizon))
        for step, booster in enumerate(self._boosters, start=1):
            features, levels, spreads = _features(values, history, origins, step)
            point[:, step - 1] = levels + spreads * np.asarray(booster.inplace_predict(features), dtype=np.float64)
        return Paths(point)

    def _arrays(self) -> Arrays:
        arrays = {
            f"booster_{step}": np.frombuffer(booster.save_raw("ubj"), dtype=np.uint8)
            for step, booster in enumerate(self._boosters, start=1)
        }
        return {**arrays, "trees": np.array(json.dumps(asdict(self.trees)))}

    def _restore(self, arrays: Arrays) -> None:
        import xgboost

        self.trees = Trees(**json.loads(str(arrays["trees"])))
        boosters = []
        for step in range(1, self.horizon + 1):
            booster = xgboost.Booster()
            try:
                booster.load_model(bytearray(arrays[f"booster_{step}"].tobytes()))
            except xgboost.core.XGBoostError as error:
                raise ValueError(f"the trees of step {step} cannot be read: {error}") from error
            boosters.append(booster)
        self._boosters = boosters


def _features(values: Floats, history: Series, times: NDArray[np.int64], step: int) -> tuple[Floats, Floats, Floats]:
    """Return the features of one step at each time, with the level and the spread there."""
    rows, steps = np.arange(len(times)), np.full(len(times), step, dtype=np.int64)
    shared, levels, spreads = relative_features(values, history, times, rows, steps)
    day = history.steps_per_day
    if day < 2:
        return shared, levels, spreads
    columns = []
    for then in same_phase_at(values, times, step, 7 * day, 2):
        known = np.where(np.isfinite(then), then, levels)
        columns.append(np.clip((known - levels) / spreads, -_FARTHEST, _FARTHEST))
    weekday = (phases(history, 7 * day)[times] // day + 3) % 7  # 1970 began on a Thursday
    weekday_then = ((phases(history, 7 * day)[times] + step) // day + 3) % 7
    columns += [(weekday >= 5).astype(np.float64), (weekday_then >= 5).astype(np.float64), weekday_then.astype(float)]
    return np.column_stack([shared, *columns]), levels, spreads
