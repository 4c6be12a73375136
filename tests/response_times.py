"""A month of response times of two servers, forecast hour by hour, as the jobs leave it in a store."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from pathlib import Path

from forecasting_jobs.response_time.dashboard_refresh import refresh
from forecasting_jobs.response_time.metrics import ART, MAIN_METRICS, series_name
from forecasting_jobs.response_time.parts import Parts, make_parts
from ml_core.clock import Clock
from ml_core.records import Forecast, ForecastStep, MetricPoint, Observation
from ml_core.settings import Settings
from ml_core.store.base import Store

HOUR = timedelta(hours=1)
SERVERS = ("ABP", "ABPServer1")
LIMIT = 450.0
CROSSES_AFTER = 3
"""The step from which on the upper 95 % bound of the newest forecast lies above the limit."""


def parts_on(store: Store, clock: Clock, folder: Path) -> Parts:
    """Return the parts of the hour on a store."""
    return make_parts(Settings(artifacts_folder=str(folder)), store, clock)


def load_at(hour: datetime) -> float:
    """Return what the main server's response time is in an hour: 300 ms at midnight, 500 ms at noon."""
    return 400 - 100 * math.cos(2 * math.pi * hour.hour / 24)


def fill_response_times(parts: Parts, until: datetime, *, days: int = 30, forecasts: int = 12) -> None:
    """Keep so many days before ``until``, so many forecasts up to it, and what a refresh makes of them."""
    hours = [until - number * HOUR for number in range(days * 24, 0, -1)]
    for place, server in enumerate(SERVERS):
        for number, metric in enumerate(MAIN_METRICS):
            size = (1.0 if metric == ART else 0.01 * (number + 1)) / (1 + place)
            rows = [Observation(hour, size * load_at(hour), hour + HOUR) for hour in hours]
            parts.store.record_observations(series_name("ABP", server, metric), rows)
    for back in range(forecasts, 0, -1):
        issued = until - back * HOUR
        parts.store.put_forecast(Forecast(parts.series, parts.model, issued, _steps(issued), 1))
    refresh(parts, until)
    put_warning(parts, until, probability=0.42, lead_hours=CROSSES_AFTER)


def put_warning(parts: Parts, until: datetime, *, probability: float, lead_hours: int | None) -> None:
    """Keep what the forecast as of ``until`` says of the limit."""
    values = {
        "early_warning": float(lead_hours is not None),
        "early_warning_probability": probability,
        "early_warning_limit": LIMIT,
    }
    if lead_hours is not None:
        values["early_warning_lead_hours"] = float(lead_hours)
    parts.store.put_metric_points(
        [MetricPoint(parts.model, name, until - HOUR, until, 1, value, value**2) for name, value in values.items()]
    )


def _steps(issued: datetime) -> tuple[ForecastStep, ...]:
    """Return six steps, each 10 ms too high for every hour ahead."""
    steps = []
    for ahead in range(1, 7):
        value = load_at(issued + ahead * HOUR) + 10 * ahead
        wide = 20 * ahead
        steps.append(
            ForecastStep(issued + ahead * HOUR, value, value - wide, value + wide, value - 2 * wide, value + 2 * wide)
        )
    return tuple(steps)
