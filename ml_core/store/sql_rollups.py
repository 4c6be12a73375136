"""The rollups of predictions in SQL: what each hour of a model comes to, kept in step with the rows by transactions.

A batch is added in the transaction that inserts it, so the sum over the rows of an hour is exact: a transaction that is
rolled back and repeated counts once, and a duplicate is not counted. Each function is work inside one transaction.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any

from sqlalchemy import (
    BigInteger,
    CompoundSelect,
    Connection,
    Integer,
    Select,
    String,
    Table,
    and_,
    bindparam,
    case,
    cast,
    delete,
    func,
    or_,
    select,
    text,
    union_all,
)

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


def drop_oldest(connection: Connection, models: Sequence[str], day: datetime) -> tuple[int, bool]:
    """Drop some of the rollups before ``day``; return how many predictions they counted, and whether there may be more.

    Raises ``RaceLost`` if another writer adds to them meanwhile.
    """
    model, hour, shard = (_rollups[name] for name in _KEY)
    old = and_(model.in_(models), hour < day)
    query = select(model, hour, shard, _rollups["count"]).where(old).order_by(model, hour, shard)
    rows = connection.execute(query.limit(_ROWS_PER_STATEMENT).with_for_update()).all()
    if not rows:
        return 0, False
    last_model, last_hour, last_shard, _ = rows[-1]
    until_last_hour = or_(hour < last_hour, and_(hour == last_hour, shard <= last_shard))
    until_last = or_(model < last_model, and_(model == last_model, until_last_hour))
    if connection.execute(delete(prediction_rollups).where(old, until_last)).rowcount != len(rows):
        raise RaceLost
    return sum(int(count) for *_, count in rows), len(rows) == _ROWS_PER_STATEMENT


def summarise(connection: Connection, model: str, start: datetime, end: datetime, window: timedelta) -> dict[int, Sums]:
    """Return what the predictions of a range come to, by the number of the window, counted from the epoch.

    Whole hours are read from the rollups, what is left at the edges from the rows.
    """
    check_window(window)
    start, end = as_utc(start), as_utc(end)
    first, last = whole_hours(start, end, window) or (end, end)
    # Windows are counted from the first one: SQL divides towards zero, and so would go wrong before the epoch.
    length = number_of_microseconds(window)
    number = number_of_microseconds(start) // length
    bounds = {"start": start, "first": first, "last": last, "end": end, "before": number * length, "length": length}
    query = _query(first < last, connection.dialect.name == "sqlite")
    return merged({number + row[0]: _sums(row[1:])} for row in connection.execute(query, {"model": model, **bounds}))


@cache
def _query(has_hours: bool, is_sqlite: bool) -> Select[Any] | CompoundSelect[Any]:
    """Return the query for the sums of a range by window: built once, since that takes longer than to answer it."""
    of_range = partial(_query_of_range, is_sqlite=is_sqlite)
    if not has_hours:
        return of_range(predictions, "start", "end").order_by(_WINDOW)
    hours = of_range(prediction_rollups, "first", "last")
    return union_all(of_range(predictions, "start", "first"), hours, of_range(predictions, "last", "end")).order_by(
        _WINDOW
    )


def _query_of_range(table: Table, start: str, end: str, is_sqlite: bool) -> Select[Any]:
    time = table.c.time if table is predictions else table.c.hour
    before, length = bindparam("before", type_=BigInteger), bindparam("length", type_=BigInteger)
    # DIV binds as tightly as "/", which would go by way of a rounded decimal.
    number = (_microseconds(time, is_sqlite) - before).op("/" if is_sqlite else "DIV", precedence=8)(length)
    sums = _sums_of_rows() if table is predictions else [func.sum(table.c[name]) for name in _SUMS]
    in_range = and_(table.c.model == bindparam("model"), time >= bindparam(start), time < bindparam(end))
    return select(number.label(_WINDOW), *sums).where(in_range).group_by(_WINDOW)


def _microseconds(time: Any, is_sqlite: bool) -> Any:
    """Return the expression for the microseconds of a time since the epoch."""
    if not is_sqlite:
        return func.timestampdiff(text("MICROSECOND"), text(f"'{written_time(EPOCH)}'"), time)
    # Kept as text, such as 2026-11-20 12:00:00.000001, which strftime rounds to milliseconds.
    stored = cast(time, String)
    seconds = cast(func.strftime("%s", func.substr(stored, 1, 19)), Integer)
    return seconds * 1_000_000 + cast(func.substr(stored, 21, 6), Integer)


def _sums_of_hour(connection: Connection, model: str, hour: datetime) -> Sums:
    row = predictions.c
    query = select(*_sums_of_rows()).where(row.model == model, row.time >= hour, row.time < hour + HOUR)
    return _sums(connection.execute(query).one())


def _sums_of_rows() -> list[Any]:
    value = predictions.c.value
    number = case((func.abs(value) < SUMMED_BELOW, value))
    return [func.count(), func.count(number), func.sum(number), func.sum(number * number)]


def _sums(row: Sequence[Any]) -> Sums:
    # A sum of nothing is NULL, and one of whole numbers comes as a decimal from MariaDB.
    rows, numbers, total, squares = (each or 0 for each in row)
    return Sums(int(rows), int(numbers), float(total), float(squares))


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
