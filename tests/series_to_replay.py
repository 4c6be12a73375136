"""Series for replays: hours that are known soon after they are over, whose pattern changes at a time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import numpy as np

from ml_core.records import Observation
from ml_core.store.base import Store

HOUR = timedelta(hours=1)
LATE = timedelta(hours=1, minutes=2)
"""How long after it began a value is known: when its hour is over, and before the jobs of the next one are called."""


def hours(first: datetime, last: datetime) -> list[datetime]:
    """Return the hours with ``first <= hour < last``."""
    return [first + number * HOUR for number in range((last - first) // HOUR)]


def value_at(hour: datetime, change: datetime | None = None, *, seed: int = 1) -> float:
    """Return the value of an hour: a day that peaks at noon, noise of the hour's own, and half more from a change."""
    noise = np.random.default_rng([seed, int(hour.timestamp())]).normal()
    size = 1.5 if change is not None and hour >= change else 1.0
    return float(size * (40 - 20 * np.cos(2 * np.pi * hour.hour / 24)) + noise)


def record(store: Store, series: str, times: Iterable[datetime], change: datetime | None = None) -> None:
    """Record the values of some hours, each known when it is over."""
    rows = [Observation(time, value_at(time, change), time + LATE) for time in times]
    store.record_observations(series, rows)
