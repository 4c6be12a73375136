"""What every command of the hour works with, opened in one place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from forecasting_jobs.response_time.metric_data import HOUR
from forecasting_jobs.response_time.metrics import ART, model_name, series_name
from ml_core import process_parts
from ml_core.clock import Clock, format_time
from ml_core.errors import NotFound
from ml_core.process_parts import ProcessParts, registry_on
from ml_core.settings import ResponseTimeSettings, Settings
from ml_core.store.base import Store
from ml_core.timeseries.series import Series

MOST_MISSING = 6
"""Hours that may be missing at the end of what is known: a forecast beyond that would speak of the past."""


@dataclass(frozen=True, slots=True)
class Parts(ProcessParts):
    """The parts of one process of the hour."""

    @property
    def section(self) -> ResponseTimeSettings:
        """The hour's section of the settings."""
        return self.settings.response_time

    @property
    def series(self) -> str:
        """The series that is forecast."""
        return series_name(self.section.application, self.section.main_server, ART)

    @property
    def model(self) -> str:
        """The model that forecasts it."""
        return model_name(self.section.application)

    def finished(self, time: datetime) -> datetime:
        """Return the end of the last hour that is over, and has had its delay to settle, at ``time``."""
        settled = time - timedelta(minutes=self.section.delay_minutes)
        return settled.replace(minute=0, second=0, microsecond=0)

    def history(self, until: datetime, known_at: datetime | None = None) -> Series:
        """Return the response time of the hours before ``until``, an hour, as far back as ``history_days``.

        With ``known_at`` it is as it was known then. Hours without a value are gaps, also at the end. Raises
        ``NotFound`` if nothing is known, or nothing of the last ``MOST_MISSING`` hours.
        """
        start = until - timedelta(days=self.section.history_days)
        frame = self.store.observations(self.series, start, until, known_at=known_at)
        if frame.empty or frame["time"].iloc[-1] < until - (MOST_MISSING + 1) * HOUR:
            raise NotFound(
                f"no response time of {self.section.main_server} is known of the {MOST_MISSING} hours before "
                f"{format_time(until)}: fetch it first"
            )
        first = frame["time"].iloc[0].to_pydatetime()
        values = np.full((until - first) // HOUR, np.nan)
        places = ((frame["time"] - first) // HOUR).to_numpy(dtype=np.int64)
        values[places] = frame["value"].to_numpy(dtype=np.float64)
        return Series(first, HOUR, values)


def make_parts(settings: Settings, store: Store, clock: Clock) -> Parts:
    """Return the parts on a store that is open."""
    return Parts(settings, registry_on(settings, store, clock))


@contextmanager
def opened_parts() -> Iterator[Parts]:
    """Open the parts as the settings in force say, for a command; the store is closed at the end."""
    with process_parts.opened_parts(make_parts) as parts:
        yield parts
