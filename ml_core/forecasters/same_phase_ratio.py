"""The same phase of the past seven days as a ratio to the level: for loads whose swing grows with their size."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ml_core.forecasters.base import CannotForecast, Forecaster, Paths
from ml_core.forecasters.same_phase import SamePhase
from ml_core.timeseries.series import DAY, Floats, Series

_FARTHEST = 5.0  # a forecast beyond e^5 times the level says that the ratio means nothing here


class SamePhaseRatio(Forecaster):
    """``SamePhase`` on the logarithm. It is for positive values only, and refuses a history with others."""

    name: ClassVar[str] = "same_phase_ratio"

    def __init__(self, *, horizon: int, seed: int = 0, budget_seconds: float = 60.0) -> None:
        super().__init__(horizon=horizon, seed=seed, budget_seconds=budget_seconds)
        self._inner = SamePhase(horizon=horizon, seed=seed, budget_seconds=budget_seconds)

    def fewest_values(self, step: timedelta) -> int:
        return max(DAY // step, 1) + 1

    def _fit(self, values: Floats, history: Series) -> None:
        if values.min() <= 0:
            raise CannotForecast(f"{self.name} takes positive values only, and the history has {values.min():g}")
        self._inner.fit(history)

    def _forecast(self, values: Floats, origins: NDArray[np.int64], history: Series) -> Paths:
        # A value that is not positive may come after the fit: it counts as the smallest positive one so far.
        so_far = np.minimum.accumulate(np.where(values > 0, values, np.inf))
        floor = np.where(np.isfinite(so_far), so_far, 1.0)
        logs = np.log(np.where(values > 0, values, floor))
        self._inner.is_fitted = True
        paths = self._inner.forecast_at(Series(history.start_time, history.step, logs), origins)
        here = logs[origins][:, None]
        return Paths(np.exp(np.clip(paths.point, here - _FARTHEST, here + _FARTHEST)))
