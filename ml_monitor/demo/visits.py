"""The series of the demo: visits of a shop by the hour, and a simple forecast of each coming day.

    visits    180 times the hour's share of a day, 30 % more on Saturdays, 0.4 % more each day, and noise of 6 %
    forecast  issued at each midnight for 24 hours: the mean of the same hour of the seven days before; the intervals
              hold 80 and 95 % of a normal error that is spread as these days are around their mean

A forecast uses what was measured before its issue alone, so it lags behind the growth: an honest example, not a good
forecaster.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np

from ml_core.records import Forecast, ForecastStep

SERIES = "demo/shop-visits"
FORECASTER = "demo-visits"
KNOWN_AFTER = timedelta(minutes=5)
_WEEK = 7
_SHAPE = np.array(
    [1, 1, 1, 1, 1, 2, 5, 9, 14, 18, 20, 21, 22, 21, 20, 20, 21, 23, 24, 22, 17, 11, 6, 3], dtype=np.float64
)
_SATURDAY = 5
_HOUR = timedelta(hours=1)
_Z_80, _Z_95 = 1.2816, 1.9600  # of the normal distribution


def visits_of(first_day: date, day: int) -> list[tuple[datetime, float]]:
    """Return the visits of each hour of a day, by the hour's start."""
    when = first_day + timedelta(days=day)
    random = np.random.default_rng([7, when.toordinal()])
    start = datetime(when.year, when.month, when.day, tzinfo=UTC)
    level = 180 * (1.3 if when.weekday() == _SATURDAY else 1.0) * 1.004**day
    values = np.round(level * _SHAPE / _SHAPE.mean() * np.exp(random.normal(0, 0.06, 24)))
    return [(start + hour * _HOUR, float(value)) for hour, value in enumerate(values)]


def forecast_of(first_day: date, day: int) -> Forecast | None:
    """Return what is issued at the midnight before a day; None in the first week, which it needs."""
    if day < _WEEK:
        return None
    known = np.array([[value for _, value in visits_of(first_day, each)] for each in range(day - _WEEK, day)])
    middle = known.mean(axis=0)
    spread = np.std(known / middle - 1)
    start = visits_of(first_day, day)[0][0]
    steps = tuple(
        ForecastStep(start + hour * _HOUR, float(value), *_bounds(float(value), float(spread)))
        for hour, value in enumerate(middle)
    )
    # The step of the first hour speaks of what begins at the issue, and its valid time must lie after it.
    return Forecast(SERIES, FORECASTER, start - timedelta(minutes=1), steps)


def _bounds(value: float, spread: float) -> tuple[float, float, float, float]:
    near, far = _Z_80 * spread * value, _Z_95 * spread * value
    return value - near, value + near, value - far, value + far
