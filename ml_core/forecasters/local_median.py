"""The median of the last three hours, for every step: a level that no single spike moves."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ml_core.forecasters.base import Forecaster, Paths
from ml_core.timeseries.features import trailing_median
from ml_core.timeseries.series import Floats, Series

WIDTH = timedelta(hours=3)


class LocalMedian(Forecaster):
    """The best forecast, by absolute error, of noise around a level. It follows neither trend nor season."""

    name: ClassVar[str] = "local_median"

    def _fit(self, values: Floats, history: Series) -> None:
        """There is nothing to learn."""

    def _forecast(self, values: Floats, origins: NDArray[np.int64], history: Series) -> Paths:
        level = trailing_median(values, max(WIDTH // history.step, 3))[origins]
        return Paths(np.repeat(level[:, None], self.horizon, axis=1))
