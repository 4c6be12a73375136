"""A gradient-boosted model of its own for each step ahead: XGBoost, direct strategy, for hourly values.

The target is the change from the local level in units of the local spread, as in ``direct_xgboost``, since trees on raw
values cannot leave the range of their training data. Each step has its own trees, and beside the features that all
steps share it knows the same hour a week and two earlier, and whether now and then are weekends. Squares are minimised,
by which such forecasts are judged.

What is said is a mean of trees and last value, with a weight of its own for each step: an hour ahead the last value is
hard to beat. The weight is the one that would have been best for the last quarter of the training data, said by trees
that were grown on what lies before it.
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
_HELD = 0.25  # the share of the training data, the newest, on which trees and last value are compared
_FEWEST_HELD = 24
_RELUCTANCE = 20.0  # as many hours would have to speak for another weight than the middle one


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
        self._shares: Floats = np.ones(horizon)

    def fewest_values(self, step: timedelta) -> int:
        return self.needs + self.horizon

    def _fit(self, values: Floats, history: Series) -> None:
        last = len(values) - 1
        # The first two days have no yesterday; a step beyond half a history would have too few rows of its own.
        start = max(min(48, last // 3), len(values) - TRAINING_VALUES)
        held_from = last - int(_HELD * (last - start))
        more = self._more_features(history)
        boosters = []
        for step in range(1, self.horizon + 1):
            times = np.arange(start, last - step + 1, dtype=np.int64)
            features, levels, spreads = _features(values, history, times, step, more)
            targets = np.clip((values[times + step] - levels) / spreads, -_FARTHEST, _FARTHEST)
            known, held = times + step <= held_from, times >= held_from
            if known.sum() >= self.needs // 2 and held.sum() >= _FEWEST_HELD:
                told = _said(self._grown(features[known], targets[known]), features[held], levels[held], spreads[held])
                self._shares[step - 1] = _best_share(told, values[times[held]], values[times[held] + step])
            boosters.append(self._grown(features, targets))
        self._boosters = boosters

    def _more_features(self, history: Series) -> Floats | None:
        """Return further features at each time of a history, ``(len(history), features)``; None has none."""
        return None

    def _grown(self, features: Floats, targets: Floats) -> Any:
        import xgboost

        # Threads are waited for, which takes longer than so few rows: also those that only look at what is handed over.
        with xgboost.config_context(nthread=1):
            data = xgboost.QuantileDMatrix(features, targets, nthread=1, max_bin=64)
            return xgboost.train(self._settings(), data, num_boost_round=self.trees.rounds)

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
        more = self._more_features(history)
        for step, (booster, share) in enumerate(zip(self._boosters, self._shares, strict=True), start=1):
            told = _said(booster, *_features(values, history, origins, step, more))
            point[:, step - 1] = share * told + (1 - share) * values[origins]
        return Paths(point)

    def _arrays(self) -> Arrays:
        arrays = {
            f"booster_{step}": np.frombuffer(booster.save_raw("ubj"), dtype=np.uint8)
            for step, booster in enumerate(self._boosters, start=1)
        }
        return {**arrays, "trees": np.array(json.dumps(asdict(self.trees))), "shares": self._shares}

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
        # Trees that were stored before there were shares speak alone.
        self._shares = arrays["shares"].astype(np.float64) if "shares" in arrays else np.ones(self.horizon)


def _said(booster: Any, features: Floats, levels: Floats, spreads: Floats) -> Floats:
    return levels + spreads * np.asarray(booster.inplace_predict(features), dtype=np.float64)


def _best_share(told: Floats, newest: Floats, truths: Floats) -> float:
    """Return the weight of what was told that has the least squared error, the rest being the newest value's."""
    moves = told - newest
    size = float((moves**2).sum())
    if size == 0:
        return 0.5
    reluctance = _RELUCTANCE * size / len(moves)
    best = (float(moves @ (truths - newest)) + 0.5 * reluctance) / (size + reluctance)
    return min(max(best, 0.0), 1.0)


def _features(
    values: Floats, history: Series, times: NDArray[np.int64], step: int, more: Floats | None
) -> tuple[Floats, Floats, Floats]:
    """Return the features of one step at each time, with the level and the spread there."""
    rows, steps = np.arange(len(times)), np.full(len(times), step, dtype=np.int64)
    shared, levels, spreads = relative_features(values, history, times, rows, steps)
    day = history.steps_per_day
    if more is not None:
        shared = np.column_stack([shared, more[times]])
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
