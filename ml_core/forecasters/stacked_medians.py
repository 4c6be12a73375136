"""A regression by absolute loss on simple forecasts: levels of many widths, same hours, same days.

It starts from the level whose absolute error was least in training and is shrunk towards it, so that noise around a
level is left alone and what past hours and days tell is taken as far as it has helped.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ml_core.forecasters.regression import Known, StepwiseRegression
from ml_core.timeseries.features import (
    exponential_averages,
    levels_before,
    median_where_known,
    same_phase_at,
    trailing_median,
)
from ml_core.timeseries.series import Floats, Series

_LAGS = 8


class StackedMedians(StepwiseRegression):
    """Weighs what simple forecasters would say; it needs no season, and uses those of hour and day that there are."""

    name: ClassVar[str] = "stacked_medians"
    penalty: ClassVar[float] = 3.0

    def _shared(self, values: Floats, history: Series) -> Floats:
        levels = _levels(values, history)
        weights = (0.3, 0.1, 0.03) if history.steps_per_day >= 96 else (0.4, 0.15)
        return np.concatenate([levels, exponential_averages(values, weights)], axis=1)

    def _levels(self, values: Floats, known: Known) -> Floats:
        return known.shared[:, : len(_widths(known.history))]

    def _features(self, known: Known, step: int, base: Floats) -> Floats:
        origins, values = known.origins, known.values
        columns = [known.shared[origins] - base[:, None]]
        lags = np.maximum(origins[:, None] - np.arange(_LAGS), 0)
        columns.append(values[lags] - base[:, None])
        day = known.history.steps_per_day
        seasons = [(day, 3), (day, 7)] if day >= 2 else []
        if day >= 96:
            seasons += [(day // 24, 8), (day // 24, 24)]
        for period, count in seasons:
            place = _widths(known.history).index(period)
            level = known.shared[:, place]
            then = same_phase_at(values, origins, step, period, count)
            ends = np.concatenate([level[origins][None], levels_before(level, origins, period, count - 1)])
            told = level[origins] + median_where_known(then - ends, 0.0)
            columns.append((told - base)[:, None])
        return np.concatenate(columns, axis=1)


def _widths(history: Series) -> list[int]:
    day = history.steps_per_day
    widths = {1, 2, 3, 6, 12, 24, 48}
    if day >= 2:
        widths |= {day, day // 24} if day >= 96 else {day}
    if day >= 96:
        widths.add(day // 2)
    return sorted(width for width in widths if width >= 1)


def _levels(values: Floats, history: Series) -> Floats:
    return np.stack([trailing_median(values, width) for width in _widths(history)], axis=1)
