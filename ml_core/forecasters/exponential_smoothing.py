"""Simple exponential smoothing of what is left when the mean day is taken off.

The daily season is the classical one: means by phase of what a centred moving average over a day leaves, within the
training data. It is shrunk by its strength (Hyndman and Athanasopoulos, Forecasting: Principles and Practice, 3rd ed.,
4.3) and left out below 0.3. The weight of the newest value is that with the least absolute error one step ahead.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ml_core.forecasters.base import Arrays, Forecaster, Paths
from ml_core.timeseries.features import exponential_averages, phases
from ml_core.timeseries.series import Floats, Series

WEIGHTS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.99)
WEAKEST_SEASON = 0.3
_WARM_UP = 5


class ExponentialSmoothing(Forecaster):
    """A level that forgets, plus the mean day; without a season where there are less than two days."""

    name: ClassVar[str] = "exponential_smoothing"
    needs: ClassVar[int] = 2

    def __init__(self, *, horizon: int, seed: int = 0, budget_seconds: float = 60.0) -> None:
        super().__init__(horizon=horizon, seed=seed, budget_seconds=budget_seconds)
        self._season = np.zeros(1)
        self._weight = WEIGHTS[-1]

    def _fit(self, values: Floats, history: Series) -> None:
        self._season = _season(values, history)
        adjusted = values - self._season[phases(history, len(self._season))]
        averages = exponential_averages(adjusted, WEIGHTS, float(adjusted[:_WARM_UP].mean()))
        errors = np.abs(adjusted[1:, None] - averages[:-1]).mean(axis=0)
        self._weight = WEIGHTS[int(errors.argmin())]

    def _forecast(self, values: Floats, origins: NDArray[np.int64], history: Series) -> Paths:
        period = len(self._season)
        phase = phases(history, period)
        level = exponential_averages(values - self._season[phase], [self._weight])[origins]
        ahead = np.arange(1, self.horizon + 1)
        return Paths(level + self._season[(phase[origins][:, None] + ahead) % period])

    def _arrays(self) -> Arrays:
        return {"season": self._season, "weight": np.array(self._weight)}

    def _restore(self, arrays: Arrays) -> None:
        self._season, self._weight = arrays["season"], float(arrays["weight"])


def _season(values: Floats, history: Series) -> Floats:
    period = history.steps_per_day
    if period < 2 or len(values) < 2 * period:
        return np.zeros(1)
    trend = np.convolve(values, np.full(period, 1 / period), "valid")
    here = slice(period // 2, period // 2 + len(trend))
    left, phase = values[here] - trend, phases(history, period)[here]
    counts = np.bincount(phase, minlength=period)
    means = np.bincount(phase, weights=left, minlength=period) / np.maximum(counts, 1)
    season: Floats = means - means.mean()
    scatter = float(left.var())
    strength = max(0.0, 1 - float((left - season[phase]).var()) / scatter) if scatter > 0 else 0.0
    return season * np.sqrt(strength) if strength >= WEAKEST_SEASON else np.zeros(1)
