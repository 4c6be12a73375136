"""What is kept of series and of metrics that jobs write, over HTTP: rows that the first systems had in their tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pandas as pd
from flask import Response, current_app, jsonify
from pydantic import BaseModel, Field

from ml_core.clock import format_time
from ml_core.errors import FieldError, InvalidInput, NotFound
from ml_core.registry import Registry
from ml_core.store.base import Store
from ml_core.web.blueprints import create_api_blueprint
from ml_core.web.shapes import Body, ModelPath, NameField, TimeField
from ml_monitor.pages.csv_files import table_csv

blueprint = create_api_blueprint("series", __name__, "Series as they were measured and forecast, and jobs' metrics")

_SPAN = timedelta(days=30)
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_OBSERVATIONS = ("time", "value", "received_time")
_FORECASTS = (
    *("valid_time", "issue_time", "horizon_seconds", "model", "version", "value"),
    *("lower_95", "lower_80", "upper_80", "upper_95", "truth"),
)
_POINTS = ("metric", "start_time", "end_time", "version", "segment", "count", "mean", "standard_deviation")


class SeriesPath(BaseModel):
    """Which series."""

    series: str = Field(description="its name, such as response-time/ABP/ABP/avg_response_time_ms")


class SeriesQuery(Body):
    """Which series to list."""

    prefix: str = Field("", max_length=1024, description="what their names begin with")


class RowsQuery(Body):
    """Which rows, by the time that they speak of."""

    from_: TimeField | None = Field(None, alias="from", description="default: 30 days before `to`")
    to: TimeField | None = Field(None, description="default: now; of forecasts all that come later too")
    format: Literal["json", "csv"] = "json"


class ForecastsQuery(RowsQuery):
    """Which forecasts."""

    model: NameField | None = Field(None, description="default: of every model")


class PointsQuery(RowsQuery):
    """Which metric points."""

    metric: str | None = Field(None, min_length=1, max_length=191, description="default: every metric")


@blueprint.get("/series", summary="The names of all series")
def series(query: SeriesQuery) -> Response:
    return jsonify({"series": [name for name in _store().list_series() if name.startswith(query.prefix)]})


@blueprint.get("/series/<path:series>/observations", summary="What was measured of a series")
def observations(path: SeriesPath, query: RowsQuery) -> Response:
    start, end = _stretch(query)
    frame = _store().observations(_known(path.series), start, end)
    return _answer({"series": path.series}, frame[list(_OBSERVATIONS)], "time", query)


@blueprint.get("/series/<path:series>/forecasts", summary="What was forecast of a series, beside what came")
def forecasts(path: SeriesPath, query: ForecastsQuery) -> Response:
    start, end = _stretch(query, ahead=_SPAN)
    frame = _store().scored_forecasts(_known(path.series), start, end, model=query.model)
    frame = frame.assign(horizon_seconds=frame["horizon"].dt.total_seconds())
    return _answer({"series": path.series}, frame[list(_FORECASTS)], "valid_time", query)


@blueprint.get("/models/<model_id>/metric-points", summary="Metrics that jobs and checks have written of a model")
def metric_points(path: ModelPath, query: PointsQuery) -> Response:
    registry: Registry = current_app.extensions["registry"]
    model = registry.find(path.model_id)
    start, end = _stretch(query)
    known = registry.store.list_metrics(model.name)
    metrics = [name for name in known if query.metric in (None, name)]
    frame = registry.store.metric_table(model.name, start, end, metrics, segment=None)
    frame = frame.sort_values("start_time", kind="stable")
    return _answer({"model": model.name}, frame[list(_POINTS)], "start_time", query)


def _store() -> Store:
    registry: Registry = current_app.extensions["registry"]
    return registry.store


def _known(name: str) -> str:
    if name not in _store().list_series():
        raise NotFound("there is no such series; GET /series lists those that are")
    return name


def _stretch(query: RowsQuery, ahead: timedelta = timedelta(0)) -> tuple[datetime, datetime]:
    now: datetime = current_app.extensions["clock"].now()
    end = query.to or now + ahead
    start = query.from_ or max(min(end, now) - min(_SPAN, end - _EARLIEST), _EARLIEST)
    if start < _EARLIEST:
        raise _wrong("from", "expected a time from 1970 on")
    if start >= end:
        raise _wrong("to", "expected a time after from, which is 30 days before it unless given")
    return start, end


def _wrong(field: str, expected: str) -> InvalidInput:
    return InvalidInput(f"{field}: {expected}", [FieldError(field, expected)])


def _answer(named: dict[str, Any], frame: pd.DataFrame, time: str, query: RowsQuery) -> Response:
    """Answer with the rows of whole times, up to about the most there may be; ``next_from`` says where to go on."""
    most, next_from = current_app.extensions["recorder"].limits.batch_rows, None
    if len(frame) > most:
        edge = frame[time].iloc[most]
        kept = frame[frame[time] < edge]
        kept = kept if len(kept) else frame[frame[time] == edge]
        next_from = format_time(frame[time].iloc[len(kept)]) if len(kept) < len(frame) else None
        frame = kept
    rows = [[_plain(value) for value in row] for row in frame.itertuples(index=False, name=None)]
    if query.format == "json":
        found = [dict(zip(frame.columns, row, strict=True)) for row in rows]
        return jsonify({**named, "rows": found, "next_from": next_from})
    response = Response(table_csv(list(frame.columns), rows), mimetype="text/csv")
    if next_from is not None:
        response.headers["X-Next-From"] = next_from
    return response


def _plain(value: Any) -> Any:
    if pd.isna(value):
        return None
    return format_time(value) if isinstance(value, datetime) else value
