"""Makes the tables of an empty database at its first use, and refuses one that is at another revision."""

from __future__ import annotations

from sqlalchemy import Connection, Executable, MetaData, Table, inspect
from sqlalchemy.schema import CreateIndex, CreateTable

from ml_core.store import partitions
from ml_core.store.revisions import HEAD, REVISIONS, read_stamp, stamp_of_head, version_table
from ml_core.store.tables import metadata, predictions

_MIGRATE = "stop the suite, run `python -m ml_core.store migrate`, and start it again"


class WrongRevision(Exception):
    """The tables are not those of this program; the message says what to do, and continues the database's name."""


def missing_definitions(connection: Connection) -> list[Executable]:
    """Return what creates the tables and indexes that are missing; two processes may execute it at once.

    The stamp comes first: a database that has tables but no stamp was made before there were revisions. Raises
    ``WrongRevision``.
    """
    existing = set(inspect(connection).get_table_names())
    missing: list[Executable] = []
    stamp = read_stamp(connection) if version_table.name in existing else None
    if stamp is None and existing.isdisjoint(metadata.tables):
        missing.append(CreateTable(version_table, if_not_exists=True))
        missing.append(stamp_of_head(connection.dialect.name == "sqlite"))
    else:
        check_stamp(stamp)
    return missing + _missing_tables(connection, existing)


def check_stamp(stamp: str | None) -> None:
    """Return if the stamp is that of this program; raise ``WrongRevision``."""
    if stamp is None:
        raise WrongRevision(f"has tables from before revision {REVISIONS[0]}: {_MIGRATE}")
    if revisions_after(stamp):
        raise WrongRevision(f"is at revision {stamp}, older than {HEAD}: {_MIGRATE}")


def revisions_after(stamp: str | None) -> list[str]:
    """Return the revisions that a database with this stamp lacks; raise ``WrongRevision`` for one from the future."""
    if stamp is None:
        return list(REVISIONS)
    if stamp not in REVISIONS:
        raise WrongRevision(
            f"is at revision {stamp}, which this program, at {HEAD}, does not know: use the newer program that made it"
        )
    return list(REVISIONS[REVISIONS.index(stamp) + 1 :])


def _missing_tables(connection: Connection, existing: set[str]) -> list[Executable]:
    inspector = inspect(connection)
    missing: list[Executable] = []
    for table in metadata.sorted_tables:
        indexes = set()
        if table.name in existing:
            indexes = {index["name"] for index in inspector.get_indexes(table.name)}
        else:
            missing.append(CreateTable(_with_partitions(table), if_not_exists=True))
        # MariaDB commits each definition by itself: a table may be there and its index not yet.
        missing += [CreateIndex(index, if_not_exists=True) for index in table.indexes if index.name not in indexes]
    return missing


def _with_partitions(table: Table) -> Table:
    """Return the table as it is made today, for the days around today; SQLite leaves the partitions out."""
    if table is not predictions:
        return table
    copy = table.to_metadata(MetaData())
    copy.dialect_kwargs["mysql_partition_by"] = partitions.clause()
    return copy
