"""Observations in SQL. Each function is the work of one transaction and may be done more than once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import Connection, insert, select

from ml_core.clock import as_utc
from ml_core.records import Observation, Receipt
from ml_core.store.deciding_series import decide_observations, in_force, times_to_look_up
from ml_core.store.names import check_name
from ml_core.store.sql_engine import Database
from ml_core.store.sql_keys import ROWS_PER_STATEMENT, distinct, is_after, portions
from ml_core.store.tables import forecasts, observations

_columns = observations.c
_Row = tuple[datetime, int, float, datetime]


def record(connection: Connection, series: str, rows: Sequence[Observation]) -> Receipt:
    """Store a batch of observations; a corrected one becomes a new revision."""
    check_name("series", series)
    stored: dict[datetime, float] = {}
    revisions: dict[datetime, int] = {}
    for some in portions(times_to_look_up(rows)):
        query = (
            select(_columns.time, _columns.revision, _columns.value)
            .where(_columns.series == series, _columns.time.in_(some))
            .order_by(_columns.time, _columns.revision)
        )
        for time, revision, value in connection.execute(query):
            stored[time], revisions[time] = value, revision
    new, receipt = decide_observations(rows, stored)
    to_insert = []
    for row in new:
        # If another process adds this revision just now, it is a duplicate key, and the repeated transaction sees it.
        revisions[row.time] = revisions.get(row.time, 0) + 1
        values = {"time": row.time, "value": row.value, "received_time": row.received_time}
        to_insert.append({"series": series, "revision": revisions[row.time], **values})
    for portion in portions(to_insert):
        connection.execute(insert(observations), list(portion))
    return receipt


def read(
    connection: Connection, series: str, start: datetime, end: datetime, known_at: datetime | None
) -> list[Observation]:
    """Return the observations in force (at ``known_at``) in a range of time, oldest first."""
    check_name("series", series)
    query = select(_columns.time, _columns.value, _columns.received_time).where(
        _columns.series == series, _columns.time >= as_utc(start), _columns.time < as_utc(end)
    )
    rows = connection.execute(query.order_by(_columns.time, _columns.revision))
    return in_force((Observation(*row) for row in rows), known_at)


def history(database: Database, series: str) -> Iterator[Observation]:
    """Return all values by time and order of arrival, read a stretch at a time."""
    check_name("series", series)
    return _history(database, series)


def list_series(connection: Connection) -> list[str]:
    """Return the series that have observations or forecasts."""
    found = {name for column in (_columns.series, forecasts.c.series) for (name,) in distinct(connection, (column,))}
    return sorted(found)


def _history(database: Database, series: str) -> Iterator[Observation]:
    stretch = database.read(partial(_read_stretch, series=series, last=None))
    while stretch:
        for time, revision, value, received_time in stretch:
            yield Observation(time, value, received_time, correct=revision > 1)
        stretch = database.read(partial(_read_stretch, series=series, last=stretch[-1]))


def _read_stretch(connection: Connection, series: str, last: _Row | None) -> list[_Row]:
    key = (_columns.time, _columns.revision)
    query = select(*key, _columns.value, _columns.received_time).where(_columns.series == series)
    if last is not None:
        query = query.where(is_after(key, last[:2]))
    return [(*row,) for row in connection.execute(query.order_by(*key).limit(ROWS_PER_STATEMENT))]
