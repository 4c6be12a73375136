"""A level, the profile of the day and the profile of the hour, each a median: a robust decomposition like MSTL's.

At each issue time, from the last seven days: the day's profile is the median, hour by hour, of the deviation from the
median of the day, joined by straight lines; the hour's profile is the median, minute by minute, of the deviation from
the median of the last hour, over two days. The level is the median of the last half hour without both.
"""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ml_core.forecasters.base import CannotForecast, Forecaster, Paths
from ml_core.timeseries.features import trailing_median
from ml_core.timeseries.series import DAY, Floats, Series

DAYS = 7
_HOUR = timedelta(hours=1)
_LEVEL = timedelta(minutes=30)
_BINS = 24


class Profiles(Forecaster):
    """Level + profile of the day + profile of the hour. It needs two days, and whole steps an hour."""

    name: ClassVar[str] = "profiles"

    def fewest_values(self, step: timedelta) -> int:
        return max(2 * (DAY // step), 1)

    def _fit(self, values: Floats, history: Series) -> None:
        if _HOUR % history.step:
            raise CannotForecast(f"{self.name} needs a step of which an hour is a multiple, not {history.step}")

    def _forecast(self, values: Floats, origins: NDArray[np.int64], history: Series) -> Paths:
        hour, day = _HOUR // history.step, history.steps_per_day
        width = max(_LEVEL // history.step, 3)
        within_hour = values - trailing_median(values, hour) if hour >= 4 else None
        ahead = np.arange(1, self.horizon + 1)
        point = np.empty((len(origins), self.horizon))
        for row, origin in enumerate(origins):
            known = values[max(0, origin + 1 - DAYS * day) : origin + 1]
            daily = _day_profile(known, day)
            hourly = (
                _hour_profile(within_hour[max(0, origin + 1 - 2 * day) : origin + 1], hour)
                if within_hour is not None
                else np.zeros(1)
            )
            back = np.arange(-min(width, len(known)) + 1, 1)
            # Both profiles end at the origin: index -1 is its own phase, and index 0 that of the step after it.
            level = np.median(known[back - 1] - daily[(back - 1) % len(daily)] - hourly[(back - 1) % len(hourly)])
            point[row] = level + daily[(ahead - 1) % len(daily)] + hourly[(ahead - 1) % len(hourly)]
        return Paths(point)


def _day_profile(known: Floats, day: int) -> Floats:
    days = len(known) // day
    if days < 2:
        return np.zeros(1)
    rows = known[len(known) - days * day :].reshape(days, day)
    deviations = rows - np.median(rows, axis=1, keepdims=True)
    width = day // _BINS
    bins = np.median(deviations.reshape(days, _BINS, width).transpose(1, 0, 2).reshape(_BINS, days * width), axis=1)
    bins -= np.median(bins)
    places = (np.arange(day) - (width - 1) / 2) / width
    around = np.concatenate([bins[-1:], bins, bins[:1]])
    profile: Floats = np.interp(places, np.arange(-1, _BINS + 1), around)
    return profile


def _hour_profile(deviations: Floats, hour: int) -> Floats:
    hours = len(deviations) // hour
    if hours < 2:
        return np.zeros(1)
    profile: Floats = np.median(deviations[len(deviations) - hours * hour :].reshape(hours, hour), axis=0)
    return profile - float(np.median(profile))
