"""Tables and views beside the store's own, for programs that read a MariaDB database by SQL.

The store never reads them: they are written from what it keeps, so that whoever knows an older system's tables finds
them. Rows have natural keys, and to write them again does no harm.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from sqlalchemy import Column, Connection, Double, Integer, MetaData, String, Table, delete, func
from sqlalchemy.dialects.mysql import insert
from sqlalchemy.schema import CreateTable

from ml_core.store.opening import database_url
from ml_core.store.sql_engine import Database
from ml_core.store.tables import UtcTime, metadata

Kind = Literal["time", "number", "count", "text"]
_TYPES: Mapping[Kind, Any] = {"time": UtcTime, "number": Double, "count": Integer, "text": lambda: String(200)}
_NAME = re.compile(r"[A-Za-z0-9_]{1,64}")


@dataclass(frozen=True, slots=True)
class SideTable:
    """A table by its columns, of which the first ``keys`` together name a row."""

    name: str
    columns: Mapping[str, Kind]
    keys: int = 1

    def __post_init__(self) -> None:
        for name in (self.name, *self.columns):
            if not _NAME.fullmatch(name):
                raise ValueError(f"name: expected letters, digits and '_', not {name[:70]!r}")
        if self.name in metadata.tables:
            raise ValueError(f"name: {self.name} is a table of the store's own")

    def definition(self) -> Table:
        """Return the table as SQLAlchemy knows it."""
        columns = [
            Column(name, _TYPES[kind](), primary_key=place < self.keys)
            for place, (name, kind) in enumerate(self.columns.items())
        ]
        return Table(self.name, MetaData(), *columns)


class SideTables:
    """The side tables of one database."""

    def __init__(self, url: str) -> None:
        self._database = Database(url)

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    def create(self, tables: Collection[SideTable], views: Mapping[str, str]) -> None:
        """Make the tables that are missing, and the views, by name their ``SELECT``; raise ``StoreUnavailable``."""

        def work(connection: Connection) -> None:
            for table in tables:
                connection.execute(CreateTable(table.definition(), if_not_exists=True))
            for name, select in views.items():
                if not _NAME.fullmatch(name):
                    raise ValueError(f"name: expected letters, digits and '_', not {name[:70]!r}")
                connection.exec_driver_sql(f"CREATE OR REPLACE VIEW {name} AS {select}")

        self._database.write(work)

    def put(self, table: SideTable, rows: Sequence[Mapping[str, Any]], *, keep_first: Collection[str] = ()) -> None:
        """Write rows, those that are there anew; of the columns ``keep_first`` the first value that is not null stays.

        All rows are there or none. Raises ``StoreUnavailable``.
        """
        if not rows:
            return
        definition = table.definition()
        statement = insert(definition)
        new = {
            name: func.coalesce(definition.c[name], statement.inserted[name])
            if name in keep_first
            else statement.inserted[name]
            for name in list(table.columns)[table.keys :]
        }
        complete = [{name: row.get(name) for name in table.columns} for row in rows]
        self._database.write(lambda connection: connection.execute(statement.on_duplicate_key_update(new), complete))

    def remove_before(self, table: SideTable, column: str, time: datetime, where: Mapping[str, str]) -> None:
        """Remove the rows whose time in ``column`` is before ``time``, of those with these texts; may be said again."""
        definition = table.definition()
        chosen = [definition.c[name] == text for name, text in where.items()]
        statement = delete(definition).where(definition.c[column] < time, *chosen)
        self._database.write(lambda connection: connection.execute(statement))


def open_side_tables(url: str) -> SideTables | None:
    """Return the side tables of the store at ``url``; None if that is not on a MariaDB or MySQL server."""
    try:
        found = database_url(url)
    except ValueError:
        return None
    return SideTables(url) if found is not None and urlsplit(found).scheme == "mysql+pymysql" else None
