"""The seasonal naive forecaster: the value one day earlier, at the same time of day."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ml_core.forecasters.base import Arrays, CannotForecast, Forecaster, Paths
from ml_core.timeseries.series import DAY, Floats, Series


class SeasonalNaive(Forecaster):
    """Repeats the last day. It needs a whole one, and a step of which a day is a multiple."""

    name: ClassVar[str] = "seasonal_naive"

    def __init__(self, *, horizon: int, seed: int = 0, budget_seconds: float = 60.0) -> None:
        super().__init__(horizon=horizon, seed=seed, budget_seconds=budget_seconds)
        self._season = 1

    def fewest_values(self, step: timedelta) -> int:
        return max(DAY // step, 1)

    def _fit(self, values: Floats, history: Series) -> None:
        if history.steps_per_day < 2:
            raise CannotForecast(f"{self.name} needs a step of which a day is a multiple, not {history.step}")
        self._season = history.steps_per_day

    def _forecast(self, values: Floats, origins: NDArray[np.int64], history: Series) -> Paths:
        ahead = np.arange(1, self.horizon + 1)
        back = (ahead - 1) % self._season + 1 - self._season  # the same phase, within the last season known
        return Paths(values[np.maximum(origins[:, None] + back, 0)])

    def _arrays(self) -> Arrays:
        return {"season": np.array(self._season)}

    def _restore(self, arrays: Arrays) -> None:
        self._season = int(arrays["season"])
