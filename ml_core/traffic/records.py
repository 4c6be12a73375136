"""What goes into a forecast of a link's traffic, and what comes out. Traffic is in Gbit/s."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ml_core.ids import id_time
from ml_core.records import FeatureSpec

TARGETS = ("rx_gbs", "tx_gbs")
"""What is forecast of a link: traffic received and sent."""
STEP_FEATURES = (
    FeatureSpec("link", "category"),
    FeatureSpec("location", "category"),
    FeatureSpec("target", "category"),
    FeatureSpec("step", "number"),
    FeatureSpec("rx_gbs", "number"),
    FeatureSpec("tx_gbs", "number"),
)
"""The features under which each step of a forecast is logged, so those of a version and its reference sample.

``rx_gbs`` and ``tx_gbs`` are the newest values of the window.
"""
_HOUR, _MINUTE = timedelta(hours=1), timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Window:
    """The newest traffic of a link at a location, oldest first; ``time`` is that of the last values."""

    link: str
    location: str
    time: datetime
    rx_gbs: Sequence[float]
    tx_gbs: Sequence[float]


@dataclass(frozen=True, slots=True)
class TrafficForecast:
    """What a model version said at ``issue_time`` of the traffic at each of ``times``.

    ``start_time`` and ``end_time`` are when it was asked and when it had the answer.
    """

    forecast_id: str
    model: str
    version: int
    window: Window
    times: Sequence[datetime]
    rx_gbs: Sequence[float]
    tx_gbs: Sequence[float]
    start_time: datetime
    end_time: datetime

    @property
    def issue_time(self) -> datetime:
        return self.window.time

    @property
    def made_time(self) -> datetime:
        """When it was made, which is that of its predictions: its id says so."""
        return id_time(self.forecast_id) or self.end_time

    def values(self, target: str) -> Sequence[float]:
        """Return the values of one of ``TARGETS``, a value a step."""
        return self.rx_gbs if target == TARGETS[0] else self.tx_gbs

    def series(self, target: str) -> str:
        """Return the name of the series that one of the targets is of."""
        return series_name(self.window.link, self.window.location, target, self.times[0] - self.issue_time)


def series_name(link: str, location: str, target: str, step: timedelta) -> str:
    """Return the name of a series of traffic, such as ``links/Verizon/US-DC4/rx_gbs/1h``.

    The same hour has other values by the hour than by five minutes, so that the step is part of the name.
    """
    return f"links/{link}/{location}/{target}/{_short(step)}"


def _short(step: timedelta) -> str:
    for unit, name in ((_HOUR, "h"), (_MINUTE, "min")):
        if step % unit == timedelta(0):
            return f"{step // unit}{name}"
    return f"{step.total_seconds():g}s"
