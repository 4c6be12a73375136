"""A series whose forecasts are as good as can be, until a day on which they no longer are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from ml_core.records import Forecast, ForecastStep, Model, Observation
from ml_core.registry import Registry
from ml_core.store.base import Store
from tests.factories import a_model
from tests.worlds import FIRST_DAY

HOUR = timedelta(hours=1)
BEGIN = FIRST_DAY - timedelta(days=20)
"""The first midnight of the series: there are days before it is of interest, for thresholds to be learnt from."""


def add_forecaster(registry: Registry, name: str = "arima", **changes: object) -> Model:
    """Register a model that forecasts; it has no version and needs none."""
    registry.add_model(a_model(name, **{"task": "forecast", "headline_metric": None} | changes))
    return registry.find(name)


@dataclass(frozen=True)
class Series:
    """A random walk by the hour, and what a forecaster says of it every hour for some hours ahead.

    Its forecasts are the best there are: the last value, with intervals as wide as the walk scatters.
    """

    name: str = "web/cpu"
    days: int = 20
    seed: int = 1
    hours_ahead: int = 3

    @property
    def values(self) -> NDArray[np.float64]:
        """The values of the hours from ``BEGIN`` on."""
        return 50 + np.cumsum(np.random.default_rng(self.seed).normal(size=self.days * 24))

    def record(self, store: Store, *, late: timedelta = timedelta(minutes=1)) -> None:
        """Record all observations, each so long after its time."""
        rows = [
            Observation(BEGIN + hour * HOUR, float(value), BEGIN + hour * HOUR + late)
            for hour, value in enumerate(self.values)
        ]
        store.record_observations(self.name, rows)

    def forecast(
        self, store: Store, days: Iterable[int], *, model: str = "arima", off: float = 0.0, version: int = 1
    ) -> None:
        """Store the forecasts issued on some days, all of them ``off`` by so much."""
        values = self.values
        for hour in (hour for day in days for hour in range(day * 24, day * 24 + 24) if hour < len(values)):
            issue_time, value = BEGIN + hour * HOUR, float(values[hour]) + off
            steps = []
            for ahead in range(1, self.hours_ahead + 1):
                near, far = 1.2816 * ahead**0.5, 1.96 * ahead**0.5
                bounds = (value - near, value + near, value - far, value + far)
                steps.append(ForecastStep(issue_time + ahead * HOUR, value, *bounds))
            store.put_forecast(Forecast(self.name, model, issue_time, tuple(steps), version))


def day_end(day: int) -> datetime:
    """Return the end of a day of the series, counted from 0."""
    return BEGIN + (day + 1) * 24 * HOUR
