"""Tables and views for programs that read a MariaDB database by SQL, in a database of their own beside the store's.

The store never reads them: they are written from what it keeps, so that whoever knows an older system's tables finds
them, under names that the store may have for tables of its own. Rows have natural keys, and to write them again does no
harm.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Double,
    Integer,
    MetaData,
    String,
    Table,
    delete,
    func,
    make_url,
)
from sqlalchemy.dialects.mysql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateTable

from ml_core.errors import StoreUnavailable
from ml_core.store.opening import database_url
from ml_core.store.sql_engine import Database
from ml_core.store.tables import OPTIONS, UtcTime

Kind = Literal["time", "number", "count", "integer", "boolean", "letter", "text"]
_TYPES: Mapping[Kind, Any] = {
    "time": UtcTime,
    "number": Double,
    "count": Integer,
    "integer": BigInteger,
    "boolean": Boolean,
    "letter": lambda: String(1),
    "text": lambda: String(200),
}
_KEY_TEXT = String(190)  # four of them still fit into a key, which has 3,072 bytes at most
_NAME = re.compile(r"[A-Za-z0-9_]{1,64}")
_NO_SUCH_DATABASE, _NOT_ALLOWED = 1049, (1044, 1142, 1227)
_ROWS_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class SideTable:
    """A table by its columns; ``keys`` together name a row: the first so many of them, or those that it lists."""

    name: str
    columns: Mapping[str, Kind]
    keys: int | tuple[str, ...] = 1

    def __post_init__(self) -> None:
        for name in (self.name, *self.columns):
            _check(name)
        if strange := set(self.key_names) - set(self.columns):
            raise ValueError(f"keys: {self.name} has no column {min(strange)}")

    @property
    def key_names(self) -> tuple[str, ...]:
        """The columns that together name a row."""
        return tuple(self.columns)[: self.keys] if isinstance(self.keys, int) else self.keys

    def definition(self) -> Table:
        """Return the table as SQLAlchemy knows it."""
        keys = self.key_names
        columns = [
            Column(name, _KEY_TEXT if kind == "text" and name in keys else _TYPES[kind](), primary_key=name in keys)
            for name, kind in self.columns.items()
        ]
        return Table(self.name, MetaData(), *columns, **OPTIONS)


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows for a table, by column; of the columns ``keep_first`` the first value that is not null stays."""

    table: SideTable
    rows: Sequence[Mapping[str, Any]]
    keep_first: Collection[str] = ()


class SideTables:
    """The side tables of one database, which is made with them."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._database = Database(url, has_store=False)

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    def create(self, tables: Collection[SideTable], views: Mapping[str, str], *, anew: bool = False) -> None:
        """Make the tables and views that are missing, views by name their ``SELECT``; ``anew`` makes all views again.

        Raises ``StoreUnavailable``, also if the database is missing and this user may not make it.
        """
        there = self._names()
        missing = [table for table in tables if table.name not in there]
        outdated = {_check(name): select for name, select in views.items() if anew or name not in there}

        def work(connection: Connection) -> None:
            for table in missing:
                connection.execute(CreateTable(table.definition(), if_not_exists=True))
            for name, select in outdated.items():
                connection.exec_driver_sql(f"CREATE OR REPLACE VIEW {name} AS {select}")

        if missing or outdated:
            self._database.write(work)

    def put(self, table: SideTable, rows: Sequence[Mapping[str, Any]], *, keep_first: Collection[str] = ()) -> None:
        """Write rows, those that are there anew; of the columns ``keep_first`` the first value that is not null stays.

        All rows are there or none. Raises ``StoreUnavailable``.
        """
        self.put_together([Rows(table, rows, keep_first)])

    def put_together(self, batches: Sequence[Rows]) -> None:
        """Write rows of several tables, as ``put`` does: all of them are there or none. Raises ``StoreUnavailable``."""
        filled = [batch for batch in batches if batch.rows]

        def work(connection: Connection) -> None:
            for batch in filled:
                statement, columns = _upsert(batch), list(batch.table.columns)
                for first in range(0, len(batch.rows), _ROWS_AT_ONCE):
                    part = batch.rows[first : first + _ROWS_AT_ONCE]
                    connection.execute(statement, [{name: row.get(name) for name in columns} for row in part])

        if filled:
            self._database.write(work)

    def run(self, *statements: str) -> None:
        """Run statements that change tables, together; raise ``StoreUnavailable``."""

        def work(connection: Connection) -> None:
            for statement in statements:
                connection.exec_driver_sql(statement)

        self._database.write(work)

    def select(self, statement: str) -> list[tuple[Any, ...]]:
        """Return the rows of a statement that only reads, times without their zone; raise ``StoreUnavailable``."""
        return self._database.read(lambda connection: [tuple(row) for row in connection.exec_driver_sql(statement)])

    def _names(self) -> set[str]:
        """Return the names of all tables and views, and make the database if there is none."""
        try:
            return self._found_names()
        except StoreUnavailable as error:
            if _code(error) not in (_NO_SUCH_DATABASE, *_NOT_ALLOWED):
                raise
        self._make_database()
        return self._found_names()

    def _found_names(self) -> set[str]:
        return {name for (name,) in self.select("SHOW TABLES")}

    def _make_database(self) -> None:
        url = make_url(self._url)
        name = str(url.database)
        server = Database(url.set(database="").render_as_string(hide_password=False), has_store=False)
        statement = f"CREATE DATABASE IF NOT EXISTS {_check(name)} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
        try:
            server.write(lambda connection: connection.exec_driver_sql(statement))
        except StoreUnavailable as error:
            if _code(error) not in _NOT_ALLOWED:
                raise
            raise StoreUnavailable(
                f"the database {name} is not there, and this user may not make it: create it, with all rights for it"
            ) from error
        finally:
            server.close()

    def remove_before(self, table: SideTable, column: str, time: datetime, where: Mapping[str, str]) -> None:
        """Remove the rows whose time in ``column`` is before ``time``, of those with these texts; may be said again."""
        definition = table.definition()
        chosen = [definition.c[name] == text for name, text in where.items()]
        statement = delete(definition).where(definition.c[column] < time, *chosen)
        self._database.write(lambda connection: connection.execute(statement))


def open_side_tables(url: str, database: str | None) -> SideTables | None:
    """Return the side tables beside the store at ``url``, in ``database`` of its server.

    For None that is the store's database with ``_art`` behind its name. Returns None for a name that is empty, and for
    a store that is not on a MariaDB or MySQL server.
    """
    try:
        found = database_url(url)
    except ValueError:
        return None
    if found is None or not found.startswith("mysql") or database == "":
        return None
    place = make_url(found)
    beside = place.set(database=database if database is not None else f"{place.database}_art")
    return SideTables(beside.render_as_string(hide_password=False))


def _upsert(batch: Rows) -> Any:
    definition, keys = batch.table.definition(), batch.table.key_names
    statement = insert(definition)
    new = {
        name: func.coalesce(definition.c[name], statement.inserted[name])
        if name in batch.keep_first
        else statement.inserted[name]
        for name in batch.table.columns
        if name not in keys
    }
    return statement.on_duplicate_key_update(new or {keys[0]: statement.inserted[keys[0]]})


def _check(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"name: expected letters, digits and '_', not {name[:70]!r}")
    return name


def _code(error: StoreUnavailable) -> Any:
    """Return the number of the server's error behind ours, None if there is none."""
    cause = error.__cause__
    arguments = cause.orig.args if isinstance(cause, DBAPIError) and cause.orig is not None else ()
    return arguments[0] if arguments else None
