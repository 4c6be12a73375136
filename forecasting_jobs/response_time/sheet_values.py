"""The hourly values that the dashboards' sheets are made of: the main metrics of all servers, each series read once.

A run that makes several hours good reads them once for all: an hour sees what lies before its end, whatever was read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from forecasting_jobs.response_time.metric_data import HOUR
from forecasting_jobs.response_time.metrics import MAIN_METRICS, series_name, series_parts
from forecasting_jobs.response_time.parts import Parts
from ml_core.timeseries.series import Floats

REFERENCES: Mapping[str, int] = {"7 Days": 7, "1 Month": 30, "6 Month": 182}
"""The stretches that an hour is compared with, by the first system's names: so many days before it."""

_DAY_HOURS = 24
_DAYS = max(REFERENCES.values()) + 1


@dataclass(frozen=True, slots=True, eq=False)
class SheetValues:
    """The values of ``(servers, metrics, days, 24)`` up to ``until``; NaN where there is none.

    The last day is that of the 24 hours before ``until``, whose starts are ``hours``; the days before have the same
    hours. The main server comes first, and the response time.
    """

    until: datetime
    servers: tuple[str, ...]
    metrics: tuple[str, ...]
    values: Floats

    @property
    def hours(self) -> tuple[datetime, ...]:
        """The starts of the last 24 hours."""
        return tuple(self.until - number * HOUR for number in range(_DAY_HOURS, 0, -1))

    def before(self, reference: str, hour: datetime) -> Floats:
        """Return ``(servers, metrics, days)``: the values of the same hour on the days of a reference before ``hour``.

        ``hour`` is one of ``hours``.
        """
        place = _DAY_HOURS - (self.until - hour) // HOUR
        return self.values[:, :, -1 - REFERENCES[reference] : -1, place]


class SheetReader:
    """Reads values up to ``newest`` when they are first asked for; the earliest end of an hour is asked for first."""

    def __init__(self, parts: Parts, newest: datetime) -> None:
        self._parts, self._newest = parts, newest
        self._read: tuple[datetime, tuple[str, ...], Floats] | None = None

    def until(self, until: datetime) -> SheetValues:
        """Return the values as of ``until``, the end of an hour that is not after ``newest``."""
        start = until - _DAYS * _DAY_HOURS * HOUR
        if self._read is None or start < self._read[0]:
            self._read = (start, *_read_all(self._parts, start, self._newest))
        first, servers, values = self._read
        shown = values[:, :, (start - first) // HOUR : (until - first) // HOUR]
        return SheetValues(
            until, servers, tuple(MAIN_METRICS), shown.reshape(len(servers), len(MAIN_METRICS), _DAYS, _DAY_HOURS)
        )


def quantiles_known(values: Floats, levels: tuple[float, ...]) -> Floats:
    """Return ``(levels, ...)``: quantiles over the last axis of what is not NaN, between values by their distance.

    NaN where nothing is known.
    """
    ordered = np.sort(values, axis=-1)  # NaN last
    last = np.isfinite(values).sum(axis=-1) - 1
    found = np.full((len(levels), *last.shape), np.nan)
    for place, level in enumerate(levels):
        at = level * np.maximum(last, 0)
        low = np.floor(at).astype(np.int64)
        high = np.minimum(low + 1, np.maximum(last, 0))
        below = np.take_along_axis(ordered, low[..., None], axis=-1)[..., 0]
        above = np.take_along_axis(ordered, high[..., None], axis=-1)[..., 0]
        found[place] = below + (at - low) * (above - below)
    return found


def means_known(values: Floats) -> Floats:
    """Return the means over the last axis of what is not NaN; NaN where nothing is known."""
    known = np.isfinite(values)
    counts = known.sum(axis=-1)
    totals = np.where(known, values, 0.0).sum(axis=-1)
    return np.where(counts > 0, totals / np.maximum(counts, 1), np.nan)


def _read_all(parts: Parts, start: datetime, end: datetime) -> tuple[tuple[str, ...], Floats]:
    application, main = parts.section.application, parts.section.main_server
    known = {found for series in parts.store.list_series() if (found := series_parts(series, application))}
    others = sorted({server for server, metric in known if metric in MAIN_METRICS} - {main})
    servers = (main, *others)
    values = np.full((len(servers), len(MAIN_METRICS), (end - start) // HOUR), np.nan)
    for row, server in enumerate(servers):
        for column, metric in enumerate(MAIN_METRICS):
            if (server, metric) in known:
                frame = parts.store.observations(series_name(application, server, metric), start, end)
                places = (frame["time"] - start) // HOUR
                values[row, column, places.to_numpy(dtype=np.int64)] = frame["value"].to_numpy(dtype=np.float64)
    return servers, values
