"""Where hours come from: a controller or a CSV file, asked alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from forecasting_jobs.response_time.controller_config import read_controller_config
from forecasting_jobs.response_time.metric_details import Details
from ml_core.config import resolve_path
from ml_core.errors import SuiteError
from ml_core.settings import ResponseTimeSettings


@dataclass(frozen=True, slots=True)
class Question:
    """For a metric of all servers, the hours with ``start <= hour < end``; ``in_detail``: what is said besides too."""

    metric: str
    start: datetime
    end: datetime
    in_detail: bool = False


@dataclass(frozen=True, slots=True)
class Hours:
    """The values by server and start of the hour; and by server why there are none, and what else was said."""

    values: Mapping[str, Mapping[datetime, float]] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)
    details: Mapping[str, Details] = field(default_factory=dict)


class Source(Protocol):
    """What can be asked for hours."""

    def hours(self, application: str, questions: Sequence[Question]) -> list[Hours | SuiteError]:
        """Return the answers in order, a failure in place of its answer; hours that are not over are left out."""

    def close(self) -> None:
        """Give back what is held open."""


@contextmanager
def opened_source(settings: ResponseTimeSettings) -> Iterator[Source]:
    """Open the source that the settings name; raise ``ConfigurationError`` or ``InvalidTable`` where they are wrong."""
    source = _source(settings)
    try:
        yield source
    finally:
        source.close()


def _source(settings: ResponseTimeSettings) -> Source:
    if settings.csv_file is not None:
        from forecasting_jobs.response_time.csv_source import CsvSource

        return CsvSource(resolve_path(settings.csv_file), settings.main_server)
    from forecasting_jobs.response_time.appdynamics import Controller  # HTTP is not needed for a file

    return Controller(read_controller_config(settings))
