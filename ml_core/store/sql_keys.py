"""What tables with keys of several columns have in common. Each function may be done more than once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Column, ColumnElement, Connection, Table, and_, delete, literal_column, or_, select
from sqlalchemy.dialects import mysql, sqlite

_T = TypeVar("_T")
Columns = Sequence[Column[Any]]

ROWS_PER_STATEMENT = 1000


def portions(rows: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """Yield the rows in pieces that fit into a statement."""
    for start in range(0, len(rows), ROWS_PER_STATEMENT):
        yield rows[start : start + ROWS_PER_STATEMENT]


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, in the order of their keys, that replace those with the same key."""
    names = [column.name for column in table.columns if not column.primary_key]
    if connection.dialect.name == "sqlite":
        insertion = sqlite.insert(table)
        new = {name: insertion.excluded[name] for name in names}
        statement: Any = insertion.on_conflict_do_update(index_elements=list(table.primary_key), set_=new)
    else:
        # Not by an alias for the new row, which distributed engines do not take.
        new = {name: literal_column(f"VALUES(`{name}`)") for name in names}
        statement = mysql.insert(table).on_duplicate_key_update(new)
    for some in portions(rows):
        connection.execute(statement, [dict(row) for row in some])


def distinct(connection: Connection, columns: Columns, *fixed: ColumnElement[bool]) -> list[tuple[Any, ...]]:
    """Return the values of a key's first columns, in order, or of those that come behind ``fixed`` ones.

    Each is one look into the key; a DISTINCT might read all rows.
    """
    query = select(*columns).where(*fixed).order_by(*columns).limit(1)
    found: list[tuple[Any, ...]] = []
    following = connection.execute(query).one_or_none()
    while following is not None:
        found.append(tuple(following))
        following = connection.execute(query.where(is_after(columns, found[-1]))).one_or_none()
    return found


def is_after(columns: Columns, values: Sequence[Any]) -> ColumnElement[bool]:
    """Return the condition that columns, in the order of a key, follow these values."""
    steps = [and_(*_equal(columns[:index], values), column > values[index]) for index, column in enumerate(columns)]
    # The first part says nothing new, but lets a database begin in the right place.
    return and_(columns[0] >= values[0], or_(*steps))


def is_up_to(columns: Columns, values: Sequence[Any]) -> ColumnElement[bool]:
    """Return the condition that columns, in the order of a key, do not follow these values."""
    steps = [and_(*_equal(columns[:index], values), column < values[index]) for index, column in enumerate(columns)]
    return and_(columns[0] <= values[0], or_(*steps, and_(*_equal(columns, values))))


def delete_first(connection: Connection, columns: Columns, condition: ColumnElement[bool]) -> int:
    """Delete the first rows, by ``columns``, of which a condition holds, as many as fit; return how many."""
    in_order = select(*columns).where(condition).order_by(*columns)
    last = connection.execute(in_order.limit(1).offset(ROWS_PER_STATEMENT - 1)).one_or_none()
    if last is not None:
        condition = and_(condition, is_up_to(columns, tuple(last)))
    return connection.execute(delete(columns[0].table).where(condition)).rowcount


def _equal(columns: Columns, values: Sequence[Any]) -> list[ColumnElement[bool]]:
    return [column == value for column, value in zip(columns, values, strict=False)]
