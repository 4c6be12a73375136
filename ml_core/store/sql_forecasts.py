"""Forecasts in SQL. Each function is the work of one transaction and may be done more than once."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from ml_core.clock import as_utc
from ml_core.records import Forecast
from ml_core.store.base_series import FORECAST_COLUMNS
from ml_core.store.deciding_series import check_forecast_names, fit_forecast
from ml_core.store.sql_keys import distinct, upsert
from ml_core.store.tables import forecasts

_columns = forecasts.c


def put(connection: Connection, forecast: Forecast) -> None:
    """Store all steps, those that are there already anew."""
    forecast = fit_forecast(forecast)
    issue = {
        "series": forecast.series,
        "model": forecast.model,
        "version": forecast.version,
        "issue_time": forecast.issue_time,
    }
    upsert(connection, forecasts, [issue | asdict(step) for step in forecast.steps])


def read(
    connection: Connection,
    series: str,
    start: datetime,
    end: datetime,
    model: str | None,
    issued_before: datetime | None,
) -> list[tuple[Any, ...]]:
    """Return the steps of a range of valid times in the order of ``FORECAST_COLUMNS``."""
    check_forecast_names(series, model)
    if model is None:
        # By name, so that each model's range is one stretch of the key.
        models = [name for (name,) in distinct(connection, (_columns.model,), _columns.series == series)]
    else:
        models = [model]
    query = select(*(_columns[name] for name in FORECAST_COLUMNS)).where(
        _columns.series == series,
        _columns.model.in_(models),
        _columns.valid_time >= as_utc(start),
        _columns.valid_time < as_utc(end),
    )
    if issued_before is not None:
        query = query.where(_columns.issue_time <= as_utc(issued_before))
    in_order = query.order_by(_columns.valid_time, _columns.model, _columns.issue_time)
    return [tuple(row) for row in connection.execute(in_order)]
