"""Metric points in SQL. Each function is the work of one transaction and may be done more than once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection, or_, select

from ml_core.clock import as_utc
from ml_core.records import MetricPoint
from ml_core.store.deciding_metrics import check_names, fit_points
from ml_core.store.names import check_word
from ml_core.store.sql_keys import distinct, portions, upsert
from ml_core.store.tables import metric_points

_columns = metric_points.c


def put(connection: Connection, points: Sequence[MetricPoint]) -> None:
    """Store points, those that are there already anew."""
    upsert(connection, metric_points, [asdict(point) for point in fit_points(points)])


def read(
    connection: Connection,
    model: str,
    metric: str,
    start: datetime,
    end: datetime,
    segment: str | None,
    version: int | None,
) -> list[MetricPoint]:
    """Return the points that start in a range of time, of one segment and version or of all."""
    return read_table(connection, model, start, end, [metric], segment, version)


def read_table(
    connection: Connection,
    model: str,
    start: datetime,
    end: datetime,
    metrics: Collection[str] | None,
    segment: str | None,
    version: int | None,
) -> list[MetricPoint]:
    """Return the points of some metrics, or of all, as ``read`` does for one."""
    check_names(model, metrics, segment)
    found = []
    # By name, so that each metric's range is one stretch of the key.
    for some in portions(list_metrics(connection, model) if metrics is None else sorted(set(metrics))):
        found += _read(connection, model, some, start, end, segment, version)
    return found


def _read(
    connection: Connection,
    model: str,
    metrics: Sequence[str],
    start: datetime,
    end: datetime,
    segment: str | None,
    version: int | None,
) -> list[MetricPoint]:
    query = select(metric_points).where(
        _columns.model == model,
        _columns.metric.in_(metrics),
        _columns.start_time >= as_utc(start),
        _columns.start_time < as_utc(end),
    )
    if segment is not None:
        query = query.where(_columns.segment == segment)
    if version is not None:
        query = query.where(_columns.version == version)
    in_order = query.order_by(_columns.start_time, _columns.end_time, _columns.version, _columns.segment)
    return [MetricPoint(**row) for row in connection.execute(in_order).mappings()]


def read_by_prefix(
    connection: Connection, model: str, prefixes: Collection[str], start: datetime, end: datetime, segment: str | None
) -> list[MetricPoint]:
    """Return the points of all metrics whose names begin with one of the prefixes."""
    check_word("model", model)
    if not prefixes:
        return []
    query = select(metric_points).where(
        _columns.model == model,
        or_(*(_columns.metric.startswith(prefix, autoescape=True) for prefix in prefixes)),
        _columns.start_time >= as_utc(start),
        _columns.start_time < as_utc(end),
    )
    if segment is not None:
        query = query.where(_columns.segment == segment)
    key = (_columns.metric, _columns.start_time, _columns.end_time, _columns.version, _columns.segment)
    # LIKE may not tell capitals from small letters.
    found = (MetricPoint(**row) for row in connection.execute(query.order_by(*key)).mappings())
    return [point for point in found if point.metric.startswith(tuple(prefixes))]


def list_metrics(connection: Connection, model: str) -> list[str]:
    """Return the names of the metrics of a model."""
    check_word("model", model)
    return [metric for (metric,) in distinct(connection, (_columns.metric,), _columns.model == model)]
