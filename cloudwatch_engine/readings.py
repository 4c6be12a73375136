"""What a source of metrics gives back, and what a source is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from cloudwatch_engine.queries import MetricQuery

Points = Mapping[datetime, float]
"""Values by time, oldest first. A time without a value is not in it: nothing is filled in."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The points of each query by its id, and what was not as it should be, a sentence each."""

    points: Mapping[str, Points]
    notes: tuple[str, ...] = field(default=())


class Source(Protocol):
    """Where metrics come from."""

    def read(self, queries: Sequence[MetricQuery], start: datetime, end: datetime) -> Reading:
        """Return what is known of ``start <= time < end``; raise ``SuiteError`` if it cannot be had."""
        ...
