"""What every command of the hour works with, opened in one place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from forecasting_jobs.response_time.histories import Histories
from forecasting_jobs.response_time.metrics import ART, model_name, series_name
from ml_core import process_parts
from ml_core.clock import Clock
from ml_core.config import resolve_path
from ml_core.log_files import kept_in_files
from ml_core.process_parts import ProcessParts, registry_on
from ml_core.settings import ResponseTimeSettings, Settings
from ml_core.store.base import Store
from ml_core.timeseries.series import Series

JOB = "ART_forecasting"
"""The first system's name of the job that does the hour."""


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
        """Return the hours before ``until``; see ``Histories``. Raises ``NotFound``."""
        return Histories(self.store, self.section, known_at=known_at).until(until)


def make_parts(settings: Settings, store: Store, clock: Clock) -> Parts:
    """Return the parts on a store that is open."""
    return Parts(settings, registry_on(settings, store, clock))


@contextmanager
def opened_parts() -> Iterator[Parts]:
    """Open the parts as the settings in force say, for a command; the store is closed at the end.

    What is logged meanwhile goes to the first system's files as well, in a folder with the name of its job.
    """
    with (
        process_parts.opened_parts(make_parts) as parts,
        kept_in_files(resolve_path(parts.settings.log_folder) / JOB),
    ):
        yield parts
