"""Forgetting and counting observations, forecasts and metric points in SQL, as ``sql_house`` does the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, select

from ml_core.store.sql_engine import Database
from ml_core.store.sql_keys import Columns, delete_first, distinct
from ml_core.store.tables import forecasts, metric_points, observations


@dataclass(frozen=True, slots=True)
class _Kind:
    """A table whose key begins with some names, behind which rows lie in the order of some times."""

    names: Columns
    times: Columns
    is_old: Callable[[datetime], ColumnElement[bool]]
    counted: Any


def _has_ended(day: datetime) -> ColumnElement[bool]:
    # What ended had begun: the key finds it by that.
    return and_(metric_points.c.start_time < day, metric_points.c.end_time <= day)


_KINDS = {
    "metric_points": _Kind(
        (metric_points.c.model, metric_points.c.metric, metric_points.c.segment, metric_points.c.version),
        (metric_points.c.start_time, metric_points.c.end_time),
        _has_ended,
        func.count(),
    ),
    "observations": _Kind(
        (observations.c.series,),
        (observations.c.time, observations.c.revision),
        lambda day: observations.c.time < day,
        func.count(observations.c.time.distinct()),
    ),
    "forecasts": _Kind(
        (forecasts.c.series, forecasts.c.model),
        (forecasts.c.valid_time, forecasts.c.issue_time),
        lambda day: forecasts.c.valid_time < day,
        func.count(),
    ),
}


def drop_before(database: Database, kind: str, day: datetime) -> int:
    """Forget what lies before the day that begins at ``day``; return how many rows went."""
    table, deleted = _KINDS[kind], 0
    for names in database.read(partial(distinct, columns=table.names)):
        old = and_(*(column == name for column, name in zip(table.names, names, strict=True)), table.is_old(day))
        while some := database.write(partial(delete_first, columns=table.times, condition=old)):
            deleted += some
    return deleted


def count_records(connection: Connection) -> dict[str, dict[str, int]]:
    """Return the number of rows by kind and series, or model; a corrected observation is one."""
    return {kind: _count(connection, table) for kind, table in _KINDS.items()}


def _count(connection: Connection, table: _Kind) -> dict[str, int]:
    name = table.names[0]
    query = select(name, table.counted).group_by(name).order_by(name)
    return {each: int(number) for each, number in connection.execute(query)}
