"""The partitions of the table ``predictions`` on MariaDB and MySQL: one for each day, so that old days are dropped.

The first partition holds all that is older. Days are made ahead, at the high end alone, when a table is made, when a
process first writes, and when a row comes that has none. A long stretch in which nothing was recorded, before the day
that is needed, gets months, so that there are never thousands. Functions on a connection do nothing if the table has no
partitions, and may be repeated. See docs/decisions/0005-partitions.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, text

from ml_core.clock import Clock
from ml_core.store.tables import predictions

DAYS_AHEAD = 7
"""Days made beyond the one that is needed."""

_DAY = timedelta(days=1)
_DAYS_BACK = timedelta(days=7)
_DETAILED = timedelta(days=31)
_LONGEST = timedelta(days=3650)
# No date follows this one: as a bound it stands for MAXVALUE.
_NO_BOUND = date.max
# Each drop takes the table for itself for a moment.
_DROPPED_AT_ONCE = 20


class Partition(NamedTuple):
    """A partition, and the day before which all that it holds lies."""

    name: str
    bound: date


def clause() -> str:
    """Return what follows PARTITION BY when the table is made today."""
    today = Clock().now().date()
    first = today - _DAYS_BACK
    bounds = [first, *_bounds(first, today + 2 * DAYS_AHEAD * _DAY)]
    return f"RANGE COLUMNS (`time`) ({_definitions(bounds)})"


def list_partitions(connection: Connection) -> list[Partition]:
    """Return the partitions, oldest first; none on SQLite, or if the table is whole."""
    if connection.dialect.name == "sqlite":
        return []
    query = text(
        "SELECT partition_name, partition_description FROM information_schema.partitions"
        " WHERE table_schema = DATABASE() AND table_name = :table AND partition_name IS NOT NULL"
        " ORDER BY partition_ordinal_position"
    )
    rows = connection.execute(query, {"table": predictions.name})
    return [Partition(name, _read_bound(description)) for name, description in rows]


def make_ahead(connection: Connection, needed: date) -> None:
    """Make partitions until some days after ``needed``, unless there is one for it.

    If another process makes them just now, the database says that they are not in order or there already; done again,
    this finds them.
    """
    existing = list_partitions(connection)
    if not existing or needed < existing[-1].bound or existing[-1].bound == _NO_BOUND:
        return
    last = date.fromordinal(min(needed.toordinal() + DAYS_AHEAD, _NO_BOUND.toordinal() - 1))
    definitions = _definitions(_bounds(existing[-1].bound, last))
    connection.execute(text(f"ALTER TABLE {predictions.name} ADD PARTITION ({definitions})"))


def make_ahead_of_today(connection: Connection) -> None:
    """Make partitions until two weeks from now, unless there are some for the next week."""
    make_ahead(connection, Clock().now().date() + DAYS_AHEAD * _DAY)


def drop_oldest(connection: Connection, day: datetime) -> bool:
    """Drop some of the partitions that lie wholly before ``day``; return whether there may be more of them.

    The newest partition always stays, since a table must have one. MariaDB sleeps for a second in the middle, if it is
    just then clearing away rows that were deleted or changed, of whatever table; writers wait meanwhile.
    """
    old = [each for each in list_partitions(connection)[:-1] if each.bound <= day.date()]
    if old:
        names = ", ".join(f"`{each.name}`" for each in old[:_DROPPED_AT_ONCE])
        connection.execute(text(f"ALTER TABLE {predictions.name} DROP PARTITION {names}"))
    return len(old) > _DROPPED_AT_ONCE


def _bounds(after: date, last: date) -> Iterator[date]:
    """Yield the days that bound new partitions, from ``after`` on until one of them holds the day ``last``.

    Days lie at the end. Before them come months, at most ten years of them, and before these one for all the rest.
    """
    detailed = last - _DETAILED
    if detailed - after > _LONGEST:
        after = detailed - _LONGEST
        yield after
    while after <= last:
        after = _next_month(after) if after < detailed and _next_month(after) <= detailed else after + _DAY
        yield after


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1)


def _definitions(bounds: Iterable[date]) -> str:
    return ", ".join(f"PARTITION {_name(bound)} VALUES LESS THAN ({_write_bound(bound)})" for bound in bounds)


def _name(bound: date) -> str:
    return "all_later" if bound == _NO_BOUND else f"before_{bound:%Y%m%d}"


def _write_bound(bound: date) -> str:
    return "MAXVALUE" if bound == _NO_BOUND else f"'{bound}'"


def _read_bound(description: str) -> date:
    # Written as 'YYYY-MM-DD' by us, with a time of day by some servers.
    return _NO_BOUND if description == "MAXVALUE" else date.fromisoformat(description.strip("'")[:10])
