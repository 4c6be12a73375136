"""The same minute of past hours: what cron jobs and scrapes that run each hour do to a load."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ml_core.forecasters.base import CannotForecast, Forecaster, Paths
from ml_core.timeseries.features import median_where_known, same_phase_values, trailing_median
from ml_core.timeseries.series import Floats, Series

HOURS = 24
_HOUR = timedelta(hours=1)


class SameHour(Forecaster):
    """The median over the last 24 hours of the value at the same minute, relative to the median of its hour.

    It needs two hours, and a step of which an hour is at least four.
    """

    name: ClassVar[str] = "same_hour"
    longest_step: ClassVar[timedelta] = timedelta(minutes=15)

    def fewest_values(self, step: timedelta) -> int:
        return max(2 * (_HOUR // step), 1)

    def _fit(self, values: Floats, history: Series) -> None:
        if _HOUR % history.step or history.step > self.longest_step:
            raise CannotForecast(f"{self.name} needs four or more whole steps an hour, not steps of {history.step}")

    def _forecast(self, values: Floats, origins: NDArray[np.int64], history: Series) -> Paths:
        period = _HOUR // history.step
        level = trailing_median(values, period)
        ends = origins[None, :] - period * np.arange(HOURS)[:, None]  # where each of the hours taken ended
        levels = np.where(ends >= 0, level[np.maximum(ends, 0)], np.nan)
        then = same_phase_values(values, origins, self.horizon, period, HOURS)
        return Paths(level[origins][:, None] + median_where_known(then - levels[:, :, None], 0.0))
