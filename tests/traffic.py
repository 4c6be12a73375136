"""Forecasts of a link's traffic in one line, so that a test states only what matters to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from ml_core.ids import new_id
from ml_core.traffic.records import TrafficForecast, Window
from tests.factories import NOON

HOURLY = "link_traffic_hourly"
HOUR = timedelta(hours=1)
RX, TX = "links/Verizon/US-DC4/rx_gbs/1h", "links/Verizon/US-DC4/tx_gbs/1h"


def a_window(time: datetime = NOON, count: int = 25, **changes: Any) -> Window:
    """Return the last hours of a link up to ``time``, with values that count them."""
    values = [5.0 + number / 10 for number in range(count)]
    named: dict[str, Any] = {"link": "Verizon", "location": "US-DC4", "time": time, "rx_gbs": values, "tx_gbs": values}
    return Window(**named | changes)


def a_traffic_forecast(
    window: Window | None = None,
    *,
    made: datetime = NOON,
    rx: Sequence[float] = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0),
    tx: Sequence[float] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6),
    step: timedelta = HOUR,
    model: str = HOURLY,
) -> TrafficForecast:
    """Return a forecast of six steps, made at ``made``."""
    window = window or a_window()
    times = [window.time + number * step for number in range(1, len(rx) + 1)]
    return TrafficForecast(new_id(made), model, 1, window, times, list(rx), list(tx), made, made)
