"""The same phase of past days or weeks: how the series went on from here then, carried to the level of now.

For each step the values one, two, ... periods earlier are taken relative to the level (median of an hour) at the issue
time as many periods earlier; their median, and their quantiles, are added to the level of now.
"""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ml_core.forecasters.base import QUANTILES, CannotForecast, Forecaster, Paths
from ml_core.timeseries.features import levels_before, median_where_known, same_phase_values, trailing_median
from ml_core.timeseries.series import DAY, Floats, Series

_HOUR = timedelta(hours=1)


class SamePhase(Forecaster):
    """The last seven days at the same time of day. It needs one whole day."""

    name: ClassVar[str] = "same_phase"
    period_days: ClassVar[int] = 1
    periods: ClassVar[int] = 7

    def fewest_values(self, step: timedelta) -> int:
        return max(self.period_days * DAY // step, 1) + 1

    def _fit(self, values: Floats, history: Series) -> None:
        if history.steps_per_day < 2:
            raise CannotForecast(f"{self.name} needs a step of which a day is a multiple, not {history.step}")

    def _forecast(self, values: Floats, origins: NDArray[np.int64], history: Series) -> Paths:
        period = self.period_days * history.steps_per_day
        width = max(_HOUR // history.step, 2)
        level = trailing_median(values, width)
        then = same_phase_values(values, origins, self.horizon, period, self.periods)
        changes = then - levels_before(level, origins, period, self.periods)[:, :, None]
        now = level[origins][:, None]
        return Paths(now + median_where_known(changes, 0.0), now[:, :, None] + _quantiles(changes))


class SameWeek(SamePhase):
    """The last three weeks at the same time of the week. It needs one whole week."""

    name: ClassVar[str] = "same_week"
    period_days: ClassVar[int] = 7
    periods: ClassVar[int] = 3


def _quantiles(changes: Floats) -> Floats:
    """Return ``(origins, horizon, 5)``; of few values the outer ones are the smallest and the largest there are."""
    known = np.isfinite(changes)
    counts = known.sum(axis=0)
    ordered = np.sort(changes, axis=0)
    made = np.zeros((*counts.shape, len(QUANTILES)))
    for place, level in enumerate(QUANTILES):
        position = level * np.maximum(counts - 1, 0)
        low = np.floor(position).astype(np.int64)
        high = np.minimum(low + 1, np.maximum(counts - 1, 0))
        lower = np.take_along_axis(ordered, low[None], axis=0)[0]
        upper = np.take_along_axis(ordered, high[None], axis=0)[0]
        made[..., place] = np.where(counts > 0, lower + (position - low) * (upper - lower), 0.0)
    return np.sort(made, axis=-1)  # interpolation may cross by a rounding error
