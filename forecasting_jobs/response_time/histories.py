"""The hours that forecasts are made of, as of any time, read from the store once for all hours of a run.

Beside the main server's response time stand the series that the first system made its features of: response time and
calls of eight servers, errors, exceptions, slow and very slow calls of five; the main one first, then by name.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import numpy as np

from forecasting_jobs.response_time.metric_data import HOUR
from forecasting_jobs.response_time.metrics import ART, MAIN_METRICS, series_name, series_parts
from ml_core.clock import format_time
from ml_core.errors import NotFound
from ml_core.settings import ResponseTimeSettings
from ml_core.store.base import Store
from ml_core.timeseries.series import Floats, Series

MOST_MISSING = 6
"""Hours that may be missing at the end of what is known: a forecast beyond that would speak of the past."""
_SERVERS = {metric: 8 if metric in (ART, "calls_per_minute") else 5 for metric in MAIN_METRICS}


class Histories:
    """Histories of one application; ``newest`` is the latest end that will be asked for, where that is known.

    With ``known_at`` they hold what was known then, and nothing that became known later.
    """

    def __init__(
        self,
        store: Store,
        section: ResponseTimeSettings,
        newest: datetime | None = None,
        known_at: datetime | None = None,
    ) -> None:
        self._store, self._section, self._newest, self._known_at = store, section, newest, known_at
        self._main = series_name(section.application, section.main_server, ART)
        self._start = self._end = datetime.min.replace(tzinfo=UTC)
        self._values: dict[str, Floats] = {}

    def until(self, until: datetime) -> Series:
        """Return the response time of the hours before ``until``, an hour, as far back as ``history_days``.

        Hours without a value are gaps, also at the end; what the other series had at the same hours is beside. Raises
        ``NotFound`` if nothing is known, or nothing of the last ``MOST_MISSING`` hours.
        """
        start = until - timedelta(days=self._section.history_days)
        if start < self._start or until > self._end:
            self._read(start, max(until, self._newest or until))
        here = slice((start - self._start) // HOUR, (until - self._start) // HOUR)
        values = {series: found[here] for series, found in self._values.items()}
        main = values.pop(self._main)
        known = np.flatnonzero(np.isfinite(main))
        if not len(known) or known[-1] < len(main) - 1 - MOST_MISSING:
            raise NotFound(
                f"no response time of {self._section.main_server} is known of the {MOST_MISSING} hours before "
                f"{format_time(until)}: fetch it first"
            )
        first = int(known[0])
        beside = {series: found[first:] for series, found in values.items() if np.isfinite(found[first:]).any()}
        return Series(start + first * HOUR, HOUR, main[first:], beside)

    def _read(self, start: datetime, end: datetime) -> None:
        self._start, self._end = start, end
        self._values = {}
        for series in {self._main, *series_beside(self._store.list_series(), self._section)}:
            frame = self._store.observations(series, start, end, known_at=self._known_at)
            values = np.full((end - start) // HOUR, np.nan)
            if not frame.empty:
                places = ((frame["time"] - start) // HOUR).to_numpy(dtype=np.int64)
                values[places] = frame["value"].to_numpy(dtype=np.float64)
            self._values[series] = values


def series_beside(series: Iterable[str], section: ResponseTimeSettings) -> list[str]:
    """Return those of the series that a forecast may look at, in a fixed order."""
    found = [parts for name in series if (parts := series_parts(name, section.application)) is not None]
    servers = sorted({server for server, _ in found}, key=lambda server: (server != section.main_server, server))
    return [
        series_name(section.application, server, metric)
        for metric, most in _SERVERS.items()
        for server in servers[:most]
        if (server, metric) in found and (server, metric) != (section.main_server, ART)
    ]
