"""Gradient-boosted quantiles of all steps at once: XGBoost with the step ahead as a feature.

The target is taken relative to the local level (median of half an hour to an hour) and in units of the local spread:
trees on raw values cannot leave the range of their training data, and a level shift would cost them many times the
error of a naive forecast. The rows are drawn from the training data, times and steps at random by the seed.
"""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ml_core.forecasters.base import QUANTILES, Arrays, Forecaster, Paths
from ml_core.timeseries.features import (
    levels_before,
    median_where_known,
    phases,
    same_phase_values,
    trailing_mean,
    trailing_median,
)
from ml_core.timeseries.series import Floats, Series

ROWS = 8000
ROUNDS, WARM_ROUNDS, MOST_ROUNDS = 60, 20, 160
TRAINING_VALUES = 2880
_LAGS = 6
_FARTHEST = 20.0


class DirectXGBoost(Forecaster):
    """Quantiles by ``reg:quantileerror``. A second fit adds trees, up to a bound, then begins anew."""

    name: ClassVar[str] = "direct_xgboost"
    needs: ClassVar[int] = 48

    def __init__(self, *, horizon: int, seed: int = 0, budget_seconds: float = 60.0) -> None:
        super().__init__(horizon=horizon, seed=seed, budget_seconds=budget_seconds)
        self._booster: Any = None

    def fewest_values(self, step: timedelta) -> int:
        return self.needs + self.horizon

    def _fit(self, values: Floats, history: Series) -> None:
        import xgboost

        last = len(values) - 1
        start = max(min(history.steps_per_day // 2, last // 3), len(values) - TRAINING_VALUES)
        times = np.arange(start, last, dtype=np.int64)
        random = np.random.default_rng(self.seed)
        rows, steps = random.integers(0, len(times), 2 * ROWS), random.integers(1, self.horizon + 1, 2 * ROWS)
        known = np.flatnonzero(times[rows] + steps <= last)[:ROWS]
        rows, steps = rows[known], steps[known]
        features, levels, spreads = relative_features(values, history, times, rows, steps)
        targets = np.clip((values[times[rows] + steps] - levels) / spreads, -_FARTHEST, _FARTHEST)
        before = self._booster
        if before is not None and before.num_boosted_rounds() + WARM_ROUNDS > MOST_ROUNDS:
            before = None
        # Threads are waited for, which takes longer than so few rows: also those that only look at what is handed over.
        with xgboost.config_context(nthread=1):
            data = xgboost.QuantileDMatrix(features, targets, nthread=1, max_bin=64)
            self._booster = xgboost.train(
                self._settings(),
                data,
                num_boost_round=ROUNDS if before is None else WARM_ROUNDS,
                xgb_model=before,
                callbacks=[_stop_after(self.budget_seconds)],
            )

    def _settings(self) -> dict[str, Any]:
        return {
            "objective": "reg:quantileerror",
            "quantile_alpha": list(QUANTILES),
            "tree_method": "hist",
            "max_depth": 4,
            "max_bin": 64,
            "eta": 0.1,
            "min_child_weight": 8,
            "subsample": 0.8,
            "colsample_bytree": 0.7,
            "seed": self.seed,
            "nthread": 1,
        }

    def _forecast(self, values: Floats, origins: NDArray[np.int64], history: Series) -> Paths:
        rows = np.repeat(np.arange(len(origins)), self.horizon)
        steps = np.tile(np.arange(1, self.horizon + 1), len(origins))
        features, levels, spreads = relative_features(values, history, origins, rows, steps)
        raw = np.sort(np.asarray(self._booster.inplace_predict(features), dtype=np.float64), axis=1)
        quantiles = (levels[:, None] + spreads[:, None] * raw).reshape(len(origins), self.horizon, len(QUANTILES))
        return Paths(quantiles[:, :, QUANTILES.index(0.5)].copy(), quantiles)

    def _arrays(self) -> Arrays:
        return {"booster": np.frombuffer(self._booster.save_raw("ubj"), dtype=np.uint8)}

    def _restore(self, arrays: Arrays) -> None:
        import xgboost

        booster = xgboost.Booster()
        try:
            booster.load_model(bytearray(arrays["booster"].tobytes()))
            json.loads(booster.save_config())
        except xgboost.core.XGBoostError as error:
            raise ValueError(f"the trees cannot be read: {error}") from error
        self._booster = booster


def relative_features(
    values: Floats, history: Series, times: NDArray[np.int64], rows: NDArray[np.int64], steps: NDArray[np.int64]
) -> tuple[Floats, Floats, Floats]:
    """Return features of each pair (time, step) with the level and the spread at its time."""
    day, horizon = history.steps_per_day, int(steps.max())
    widths = [1, 3, 6, 12, 24] + ([48, day // 2, day] if day >= 96 else [])
    level = trailing_median(values, 12 if day >= 96 else 6)
    spread = trailing_mean(np.abs(values - level), day // 2 if day >= 96 else 24)
    # A spread of nothing would make nothing large: it is kept to a thousandth of the size of what came before.
    size = np.maximum.accumulate(np.abs(values))
    spread = spread + 1e-3 * np.where(size > 0, size, 1.0)
    at = times[rows]
    columns = [values[np.maximum(at - lag, 0)] for lag in range(_LAGS)]
    columns += [trailing_median(values, width)[at] for width in widths]
    seasons = [(day, 3), (day, 7)] if day >= 2 else []
    if day >= 96:
        seasons.append((day // 24, 8))
    for period, count in seasons:
        smooth = trailing_median(values, period)
        ends = np.concatenate([smooth[times][None], levels_before(smooth, times, period, count - 1)])
        then = same_phase_values(values, times, horizon, period, count)
        told = smooth[times][:, None] + median_where_known(then - ends[:, :, None], 0.0)
        columns.append(told[rows, steps - 1])
    if day >= 2:
        yesterday = same_phase_values(values, times, horizon, day, 1)[0][rows, steps - 1]
        columns.append(np.where(np.isfinite(yesterday), yesterday, level[at]))
    base, unit = level[at], spread[at]
    scaled = [np.clip((column - base) / unit, -_FARTHEST, _FARTHEST) for column in columns]
    scaled.append(steps.astype(np.float64))
    if day >= 2:
        phase = (phases(history, day)[at] + steps) % day
        scaled += [np.sin(2 * np.pi * phase / day), np.cos(2 * np.pi * phase / day)]
        if day >= 96:
            scaled.append((phase % (day // 24)).astype(np.float64))
    return np.stack(scaled, axis=1), base, unit


def _stop_after(seconds: float) -> Any:
    """Return a callback that ends the training when its time is over."""
    from xgboost.callback import TrainingCallback

    class _Budget(TrainingCallback):
        def before_training(self, model: Any) -> Any:
            self.until = time.monotonic() + seconds
            return model

        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            return time.monotonic() > self.until

    return _Budget()
