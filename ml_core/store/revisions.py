"""The revisions of the SQL tables, and the row that says at which one a database is.

Kept apart from the migrations: a process that opens a database only compares two words, and never loads Alembic.
"""

from __future__ import annotations

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, String, Table, select
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.sql.dml import Insert

from ml_core.store.tables import OPTIONS

REVISIONS = ("0001", "0002", "0003")
"""All revisions, oldest first; each is a file in ``migrations``."""

HEAD = REVISIONS[-1]
"""The revision that the tables in ``tables.py`` are at."""

# As Alembic itself would make it, but for the collation.
version_table = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
    **OPTIONS,
)


def read_stamp(connection: Connection) -> str | None:
    """Return the revision in the table, which must be there; None if it is empty."""
    column = version_table.c.version_num
    return connection.execute(select(column).order_by(column.desc()).limit(1)).scalar_one_or_none()


def stamp_of_head(is_sqlite: bool) -> Insert:
    """Return the statement that says that a database is at ``HEAD``; it does no harm twice."""
    values = {"version_num": HEAD}
    if is_sqlite:
        return sqlite.insert(version_table).values(values).on_conflict_do_nothing()
    statement = mysql.insert(version_table).values(values)
    return statement.on_duplicate_key_update(version_num=statement.inserted.version_num)
