"""What each hour of the day was like before, as the refresh has stored it, and bullets of an hour beside that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ml_core.store.base import Store
from ml_monitor.pages.sheet_applications import HOUR, Application

KIND = "response-time-quantiles"


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Of ``days`` days of a reference, one hour of the day: the mean and percentiles of a server's metric."""

    server: str
    metric: str
    reference: str
    days: int
    mean: float
    percentile_50: float
    percentile_60: float
    percentile_75: float
    percentile_90: float
    percentile_99: float


@dataclass(frozen=True, slots=True)
class Bullet:
    """An hour's value beside what its hour of the day was like before; ``highest`` is where its scale ends.

    ``upper`` and ``lower`` are bounds of a forecast. A value that is not known, or was never before, is None.
    """

    title: str
    time: datetime
    value: float | None
    lower: float | None
    upper: float | None
    before: Quantiles | None
    highest: float

    @property
    def place(self) -> str:
        """How unusual the value is, in words; empty where that cannot be said."""
        if self.value is None or self.before is None:
            return ""
        for percentile in (99, 90, 75, 60):
            if self.value > getattr(self.before, f"percentile_{percentile}"):
                return f"above {percentile} %"
        return "usual"


def read_quantiles(store: Store, application: Application, hour: int) -> tuple[Quantiles, ...]:
    """Return the rows of an hour of the day; none before a refresh has made it."""
    document = store.get_document(KIND, f"{application.name}/{hour:02}")
    return _rows(document.content) if document else ()


def read_hours(
    store: Store, application: Application, hours: Iterable[int], metric: str, reference: str
) -> dict[int, Quantiles]:
    """Return the main server's metric against one reference, by hour of the day, for those that are known."""
    wanted = (application.main_server, metric, reference)
    found = {}
    for hour in set(hours):
        for row in read_quantiles(store, application, hour):
            if (row.server, row.metric, row.reference) == wanted:
                found[hour] = row
    return found


def make_bullet(
    title: str,
    time: datetime,
    value: float | None,
    before: Quantiles | None,
    bounds: tuple[float | None, float | None] = (None, None),
) -> Bullet:
    """Return a bullet whose scale holds all that it shows."""
    shown = [number for number in (value, bounds[1], before.percentile_99 if before else None) if number is not None]
    return Bullet(title, time, value, *bounds, before, max(shown, default=0.0) * 1.06 or 1.0)


def newest_hour(application: Application, hour: int) -> datetime:
    """Return the start of the newest hour that is over of an hour of the day."""
    last = application.until_time - HOUR
    return last - timedelta(hours=(last.hour - hour) % 24)


def _rows(content: Mapping[str, Any]) -> tuple[Quantiles, ...]:
    columns = content["columns"]
    return tuple(Quantiles(**dict(zip(columns, row, strict=True))) for row in content["rows"])
