"""Makes the tables of a database, and brings older ones to this program's revision, step by step.

An embedded store has a format instead of a revision, which the same commands show and bring up to date, as opening it
does.

Any number of processes may call these functions at once: each step is done once. Alembic is loaded only when there is a
step to do.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect
from sqlalchemy.schema import CreateTable

from ml_core.errors import ConfigurationError, StoreUnavailable
from ml_core.store import migrations
from ml_core.store.json_formats import bring_up_to_date, pending_formats
from ml_core.store.opening import database_url, store_folder
from ml_core.store.revisions import REVISIONS, read_stamp, version_table
from ml_core.store.sql_engine import Database
from ml_core.store.sql_lease import held_lease
from ml_core.store.sql_schema import WrongRevision, revisions_after

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory


def create_tables(url: str) -> None:
    """Make the tables of an empty database; one that is at this program's revision stays as it is.

    Raises ``StoreUnavailable``, also for a database at another revision, and ``ConfigurationError`` for a ``url`` that
    is not that of a database.
    """
    with closing(_database(url, maintenance=False)) as database:
        database.check()


def pending(url: str) -> list[str]:
    """Return the revisions (or formats) that ``migrate`` would apply, oldest first, and change nothing.

    Raises ``StoreUnavailable``, also for a database at a revision that this program does not know, and
    ``ConfigurationError``.
    """
    folder = _store_folder(url)
    if folder is not None:
        return [f"format {number}" for number in pending_formats(folder)]
    with closing(_database(url, maintenance=True)) as database:
        return _pending(database)


def migrate(url: str, progress: Callable[[str], None]) -> list[str]:
    """Apply the revisions (or formats) that are missing, oldest first; return those that this call applied.

    What is done is told to ``progress``, a line each. If another process migrates, this one waits, and then finds
    nothing left to do. A step that was interrupted is repeated. Raises ``StoreUnavailable`` and ``ConfigurationError``.
    """
    folder = _store_folder(url)
    if folder is not None:
        return [f"format {number}" for number in bring_up_to_date(folder)]
    applied = []
    with closing(_database(url, maintenance=True)) as database:
        if not _pending(database):
            return []
        with held_lease(database, progress) as renew:
            for revision in _pending(database):
                renew()
                progress(f"{database.place}: making revision {revision}")
                database.write(partial(_apply, revision=revision))
                applied.append(revision)
    return applied


def _store_folder(url: str) -> Path | None:
    try:
        return store_folder(url)
    except ValueError:
        return None  # that it is no URL at all is said where its database is looked for


def _database(url: str, *, maintenance: bool) -> Database:
    try:
        found = database_url(url)
    except ValueError:
        found = None
    if found is None:
        raise ConfigurationError("store_url: only a store at sqlite:///... or mysql+pymysql://... has tables")
    return Database(found, maintenance=maintenance)


def _pending(database: Database) -> list[str]:
    if database.file is not None and not database.file.exists():
        return list(REVISIONS)  # to look would make the file
    try:
        return revisions_after(database.read(_read_stamp))
    except WrongRevision as error:
        raise StoreUnavailable(f"{database.place} {error}") from None


def _read_stamp(connection: Connection) -> str | None:
    return read_stamp(connection) if inspect(connection).has_table(version_table.name) else None


def _apply(connection: Connection, revision: str) -> None:
    """Do one step and stamp the database with it."""
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext

    scripts = load_scripts()
    context = MigrationContext.configure(connection)
    connection.execute(CreateTable(version_table, if_not_exists=True))
    with Operations.context(context):
        scripts.get_revision(revision).module.upgrade()
    context.stamp(scripts, revision)


def load_scripts() -> ScriptDirectory:
    """Return the steps in ``migrations``."""
    from alembic.script import ScriptDirectory

    folder = str(Path(str(migrations.__file__)).parent)
    return ScriptDirectory(folder, version_locations=[folder])
