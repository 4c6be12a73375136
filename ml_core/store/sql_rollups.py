"""The rollups of predictions in SQL: what each hour of a model comes to, kept in step with the rows by transactions.

A batch is added in the transaction that inserts it, so the sum over the rows of an hour is exact: a transaction that is
rolled back and repeated counts once, and a duplicate is not counted. Each function is work inside one transaction.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Integer, String, and_, case, cast, delete, func, or_, select, text

from ml_core.clock import as_utc
from ml_core.records import Prediction, Value
from ml_core.store.sql_engine import RaceLost
from ml_core.store.summaries import (
    EPOCH,
    HOUR,
    NOTHING,
    SUMMED_BELOW,
    Sums,
    check_window,
    hour_of,
    merged,
    number_of_microseconds,
    sums_of,
    whole_hours,
)
from ml_core.store.tables import prediction_rollups, predictions, written_time

SHARDS = 8
"""Rows that an hour may have. Writers whose connections drew different ones do not wait for each other."""

_ROWS_PER_STATEMENT = 1000
_SUMS = ("count", "numbers", "total", "total_of_squares")
_KEY = ("model", "hour", "shard")
_WINDOW = "window_number"
_rollups = prediction_rollups.c


def add(connection: Connection, model: str, rows: Iterable[Prediction]) -> None:
    """Add predictions that this transaction has inserted; best last, since it makes others wait until the commit."""
    values: defaultdict[datetime, list[Value]] = defaultdict(list)
    for row in rows:
        values[hour_of(row.time)].append(row.value)
    # One for each connection, not for each batch, or an hour would soon have them all, to be read by every chart.
    shard = connection.info.setdefault("shard", random.randrange(SHARDS))
    _add(connection, [(model, hour, shard, sums_of(some)) for hour, some in sorted(values.items())])


def sum_anew(connection: Connection, model: str, hours: Collection[datetime]) -> None:
    """Sum hours anew from the rows, after some of them were deleted in this transaction.

    To subtract would leave what rounding has made of it: 1e30 + 5 - 1e30 is 0.
    """
    in_order = sorted(hours)
    # All rows that an hour may have are locked first. Who has inserted predictions of it, but not added them yet, waits
    # now, and what it inserted cannot be seen; what can be seen is in the rows that are replaced.
    _add(connection, [(model, hour, shard, NOTHING) for hour in in_order for shard in range(SHARDS)])
    for hour in in_order:
        of_hour = and_(_rollups.model == model, _rollups.hour == hour)
        connection.execute(delete(prediction_rollups).where(of_hour))
    sums = [(model, hour, 0, each) for hour in in_order for each in [_sums_of_hour(connection, model, hour)]]
    _add(connection, [row for row in sums if row[-1].rows])


def drop_oldest(connection: Connection, model: str, day: datetime) -> int | None:
    """Drop some of a model's rollups before ``day``; return how many predictions they counted, or None if none is left.

    Raises ``RaceLost`` if another writer adds to them meanwhile.
    """
    hour, shard = _rollups.hour, _rollups.shard
    old = and_(_rollups.model == model, hour < day)
    query = select(hour, shard, _rollups["count"]).where(old).order_by(hour, shard)
    rows = connection.execute(query.limit(_ROWS_PER_STATEMENT).with_for_update()).all()
    if not rows:
        return None
    last_hour, last_shard, _ = rows[-1]
    until_last = or_(hour < last_hour, and_(hour == last_hour, shard <= last_shard))
    if connection.execute(delete(prediction_rollups).where(old, until_last)).rowcount != len(rows):
        raise RaceLost
    return sum(int(count) for _, _, count in rows)


def summarise(connection: Connection, model: str, start: datetime, end: datetime, window: timedelta) -> dict[int, Sums]:
    """Return what the predictions of a range come to, by the number of the window, counted from the epoch.

    Whole hours are read from the rollups, what is left at the edges from the rows.
    """
    check_window(window)
    start, end = as_utc(start), as_utc(end)
    hours = whole_hours(start, end, window)
    if hours is None:
        return merged([_from_rows(connection, model, start, end, window)])
    first, last = hours
    return merged(
        [
            _from_rows(connection, model, start, first, window),
            _from_rollups(connection, model, first, last, window),
            _from_rows(connection, model, last, end, window),
        ]
    )


def _from_rollups(
    connection: Connection, model: str, start: datetime, end: datetime, window: timedelta
) -> dict[int, Sums]:
    number = _window_number(connection, _rollups.hour, start, window)
    sums = [func.sum(_rollups[name]) for name in _SUMS]
    query = select(number, *sums).where(_rollups.model == model, _rollups.hour >= start, _rollups.hour < end)
    return _by_window(connection, query, start, window)


def _from_rows(
    connection: Connection, model: str, start: datetime, end: datetime, window: timedelta
) -> dict[int, Sums]:
    if start >= end:
        return {}
    row = predictions.c
    query = select(_window_number(connection, row.time, start, window), *_sums_of_rows())
    return _by_window(connection, query.where(row.model == model, row.time >= start, row.time < end), start, window)


def _sums_of_hour(connection: Connection, model: str, hour: datetime) -> Sums:
    row = predictions.c
    query = select(*_sums_of_rows()).where(row.model == model, row.time >= hour, row.time < hour + HOUR)
    return _read_sums(connection.execute(query).one())


def _sums_of_rows() -> list[Any]:
    value = predictions.c.value
    number = case((func.abs(value) < SUMMED_BELOW, value))
    return [func.count(), func.count(number), func.sum(number), func.sum(number * number)]


def _by_window(connection: Connection, query: Any, start: datetime, window: timedelta) -> dict[int, Sums]:
    first = _first_window(start, window)
    rows = connection.execute(query.group_by(_WINDOW).order_by(_WINDOW))
    return {first + row[0]: _read_sums(row[1:]) for row in rows}


def _read_sums(row: Sequence[Any]) -> Sums:
    # A sum of nothing is NULL, and one of whole numbers comes as a decimal from MariaDB.
    rows, numbers, total, squares = (each or 0 for each in row)
    return Sums(int(rows), int(numbers), float(total), float(squares))


def _first_window(start: datetime, window: timedelta) -> int:
    return number_of_microseconds(start) // number_of_microseconds(window)


def _window_number(connection: Connection, time: Any, start: datetime, window: timedelta) -> Any:
    """Return the number of the window that holds a time, counted from the one that holds ``start``.

    Not from the epoch: SQL divides towards zero, and so would go wrong before it.
    """
    length = number_of_microseconds(window)
    before = _first_window(start, window) * length
    if connection.dialect.name == "sqlite":
        # Kept as text, such as 2026-11-20 12:00:00.000001, which strftime rounds to milliseconds.
        stored = cast(time, String)
        seconds = cast(func.strftime("%s", func.substr(stored, 1, 19)), Integer)
        microseconds = seconds * 1_000_000 + cast(func.substr(stored, 21, 6), Integer)
        return ((microseconds - before) // length).label(_WINDOW)
    since_epoch = func.timestampdiff(text("MICROSECOND"), EPOCH.replace(tzinfo=None), time)
    # "/" would go by way of a rounded decimal. DIV binds as tightly.
    return (since_epoch - before).op("DIV", precedence=8)(length).label(_WINDOW)


def _add(connection: Connection, rows: Sequence[tuple[str, datetime, int, Sums]]) -> None:
    """Add to what is there; always in the order of the key, so that two writers never wait for each other."""
    flat = [(model, written_time(hour), shard, *sums) for model, hour, shard, sums in rows]
    statement = _addition(connection.dialect.name == "sqlite")
    for start in range(0, len(flat), _ROWS_PER_STATEMENT):
        connection.exec_driver_sql(statement, flat[start : start + _ROWS_PER_STATEMENT])


def _addition(is_sqlite: bool) -> str:
    """Return the upsert that adds. All others put a value in the place of another, and so could be done twice.

    This one cannot, and need not: it counts rows that are inserted by the same transaction, once or not at all. To read
    the sum first and put back a greater one would make every two writers of an hour collide.
    """
    columns = (*_KEY, *_SUMS)
    placeholders = ", ".join(["?" if is_sqlite else "%s"] * len(columns))
    new = "excluded.{0}" if is_sqlite else "VALUES({0})"
    sums = ", ".join(f"{name} = {name} + {new.format(name)}" for name in _SUMS)
    conflict = f"ON CONFLICT ({', '.join(_KEY)}) DO UPDATE SET" if is_sqlite else "ON DUPLICATE KEY UPDATE"
    insertion = f"INSERT INTO {prediction_rollups.name} ({', '.join(columns)}) VALUES ({placeholders})"
    return f"{insertion} {conflict} {sums}"
