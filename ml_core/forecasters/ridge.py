"""Ridge regression on differences: how far the series will be from here, from how it came here and from past days."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ml_core.forecasters.regression import Known, StepwiseRegression
from ml_core.timeseries.features import (
    median_where_known,
    phases,
    same_phase_at,
    trailing_mean,
    trailing_median,
)
from ml_core.timeseries.series import Floats, Series

_HARMONICS = 3
_DAYS = (1, 2, 7)


class Ridge(StepwiseRegression):
    """Squared loss. Features are differences from the newest value, so that a new level is no matter."""

    name: ClassVar[str] = "ridge"
    absolute_loss: ClassVar[bool] = False

    def _shared(self, values: Floats, history: Series) -> Floats:
        day = max(history.steps_per_day, 24)
        lags = 12 if day >= 96 else 6
        widths = sorted({width for width in (3, 6, 12, 24, 48, day // 3, day) if width <= max(day, 48)})
        columns = [np.concatenate([np.full(lag, values[0]), values])[: len(values)] for lag in range(1, lags + 1)]
        columns += [trailing_mean(values, width) for width in widths]
        columns += [trailing_median(values, width) for width in widths]
        smooth = trailing_median(values, max(day // 24, 1) | 1)
        return np.stack([*columns, smooth], axis=1)

    def _features(self, known: Known, step: int, base: Floats) -> Floats:
        shared, origins = known.shared, known.origins
        columns = [shared[origins, :-1] - base[:, None]]
        period = known.history.steps_per_day
        if period >= 2:
            columns.append(_daily_features(known, step, base, period))
            phase = 2 * np.pi * ((phases(known.history, period)[origins] + step) % period) / period
            waves = [wave(k * phase) for k in range(1, _HARMONICS + 1) for wave in (np.sin, np.cos)]
            columns.append(self._spread * np.stack(waves, axis=1))
        return np.concatenate(columns, axis=1)


def _daily_features(known: Known, step: int, base: Floats, period: int) -> Floats:
    """Return what this step held on past days (smoothed and not), and how it lay to the level at the same time then."""
    origins, smooth = known.origins, known.shared[:, -1]
    half = max(period // 24, 1) // 2
    columns = []
    for day in _DAYS:
        back = ((step - 1) // period + day) * period
        # Half a width later the trailing median is centred on the step; it may not reach beyond the origin.
        then = np.minimum(origins + step - back + half, origins)
        level = origins - back
        known_then, known_level = origins + step - back >= 0, level >= 0
        value = smooth[np.maximum(then, 0)]
        columns.append(np.where(known_then, value - base, 0.0))
        columns.append(np.where(known_level, value - smooth[np.maximum(level, 0)], 0.0))
    week = same_phase_at(known.values, origins, step, period, 7)
    columns.append(median_where_known(week, base) - base)
    columns.append(np.where(np.isfinite(week[0]), week[0] - base, 0.0))
    return np.stack(columns, axis=1)


class LeastDeviations(Ridge):
    """The same with absolute loss: its forecast is a median, as what is judged by absolute error should be."""

    name: ClassVar[str] = "least_deviations"
    absolute_loss: ClassVar[bool] = True
