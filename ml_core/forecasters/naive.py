"""The naive forecaster: the last value, for every step. Whatever does not beat it is not worth its cost."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ml_core.forecasters.base import Forecaster, Paths
from ml_core.timeseries.series import Floats, Series


class Naive(Forecaster):
    """Repeats the newest value (the best forecast of a random walk)."""

    name: ClassVar[str] = "naive"

    def _fit(self, values: Floats, history: Series) -> None:
        """There is nothing to learn."""

    def _forecast(self, values: Floats, origins: NDArray[np.int64], history: Series) -> Paths:
        return Paths(np.repeat(values[origins][:, None], self.horizon, axis=1))
