"""Transactions on SQLite and MariaDB or MySQL: engines, tables made at the first use, repeated attempts, errors."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, false, make_url, update
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from ml_core.errors import ConfigurationError, StoreUnavailable
from ml_core.files import file_trouble
from ml_core.store import partitions, sql_schema
from ml_core.store.tables import models

_T = TypeVar("_T")

_SQLITE_BUSY_SECONDS = 30
_CONNECT_SECONDS = 5
_ANSWER_SECONDS = 15
_POOL_SECONDS = 10
# Shorter than the wait for an answer, or a wait for a lock would look like a server that is away.
_MYSQL_SESSION = (
    "SET SESSION sql_mode='STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION', innodb_lock_wait_timeout=1, lock_wait_timeout=2"
)

_ATTEMPTS = 20
_FIRST_PAUSE_SECONDS = 0.01
_LONGEST_PAUSE_SECONDS = 0.25

# Another transaction was in the way, and nothing was stored: duplicate key, lock wait, deadlock. Another process has
# just made the same partitions (which are not in order then, or there already) or dropped them.
_REPEATABLE = {1062, 1205, 1213, 1493, 1507, 1517, "SQLITE_CONSTRAINT_PRIMARYKEY"}
_NO_SUCH_TABLE = 1146
_NO_SUCH_PARTITION = 1526

_AWAY = "cannot be reached: check that the server runs and that the setting store_url names it"
_DENIED = "does not let this user in: check user, password and rights in the setting store_url"
_BUSY = "is too busy: other writers were in the way at every attempt; try again"
_CROWDED = "has too many connections: raise its max_connections or run fewer processes"
_FULL = "has no space left: free some on its disk"
_READ_ONLY = "is read-only: let this user write to it"
_UNREADABLE = "cannot be opened: check that its folder exists and that this user may read and write there"
_FAULTY_DISK = "could not be read or written: check its disk, also for free space"
_DAMAGED = "is damaged or not a database: restore it from a backup"
_REASONS: dict[int | str, str] = {
    1021: _FULL,
    1040: _CROWDED,
    1044: _DENIED,
    1045: _DENIED,
    1049: "does not exist: create it, with rights for this user",
    1114: _FULL,
    1142: _DENIED,
    _NO_SUCH_TABLE: "has lost its tables: try again, they will be made anew",
    1203: _CROWDED,
    1205: _BUSY,
    1213: _BUSY,
    1226: _CROWDED,
    1290: _READ_ONLY,
    1836: _READ_ONLY,
    2002: _AWAY,
    2003: _AWAY,
    2006: _AWAY,
    2013: _AWAY,
    "SQLITE_BUSY": _BUSY,
    "SQLITE_CANTOPEN": _UNREADABLE,
    "SQLITE_CORRUPT": _DAMAGED,
    "SQLITE_FULL": _FULL,
    "SQLITE_IOERR": _FAULTY_DISK,
    "SQLITE_LOCKED": _BUSY,
    "SQLITE_NOTADB": _DAMAGED,
    "SQLITE_PERM": _UNREADABLE,
    "SQLITE_READONLY": _READ_ONLY,
}


class RaceLost(Exception):
    """What a transaction has read is no longer so: raised inside one to have it rolled back and repeated."""


class PartitionMissing(Exception):
    """A row lies in a day that has no partition yet: make it, and do the work again."""


class Database:
    """A database in which work is done in whole transactions.

    Nothing is opened before the first use, so that a process can start while its database is away. For ``maintenance``
    tables are taken as they are, and a statement may take as long as it needs. One that is not ``has_store`` is for
    other tables: none of the store's are made in it.
    """

    def __init__(self, url: str, *, maintenance: bool = False, has_store: bool = True) -> None:
        self._url = _parse(url)
        answer_seconds = None if maintenance else _ANSWER_SECONDS
        self._engine = _sqlite_engine(self._url) if self.is_sqlite else _mysql_engine(self._url, answer_seconds)
        self._takes_tables = maintenance or not has_store
        self._prepared = False
        self._has_days_ahead = self._takes_tables or self.is_sqlite

    @property
    def is_sqlite(self) -> bool:
        """Whether this is SQLite, which has one writer at a time."""
        return self._url.get_backend_name() == "sqlite"

    @property
    def file(self) -> Path | None:
        """The file of an SQLite database; None for one on a server."""
        return Path(str(self._url.database)) if self.is_sqlite else None

    def read(self, work: Callable[[Connection], _T]) -> _T:
        """Return ``work(connection)``, which only reads; raise ``StoreUnavailable``."""
        try:
            self._prepare()
            with self._engine.connect() as connection:
                return work(connection)
        except (DBAPIError, PoolTimeoutError, sqlite3.Error) as error:
            self._raise(error)

    def write(self, work: Callable[[Connection], _T]) -> _T:
        """Return ``work(connection)`` once it is committed, durably; raise ``StoreUnavailable``, ``PartitionMissing``.

        ``work`` is done again from its beginning, in a new transaction, when another transaction was in the way.
        """
        self._make_days_ahead()
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._write_once(work)
            except RaceLost:
                pass
            except (DBAPIError, PoolTimeoutError, sqlite3.Error) as error:
                if _code(error) == _NO_SUCH_PARTITION:
                    raise PartitionMissing from error
                if _code(error) not in _REPEATABLE:
                    self._raise(error)
            # Jitter, so that those who collided do not collide again.
            time.sleep(random.uniform(0, min(_FIRST_PAUSE_SECONDS * 2**attempt, _LONGEST_PAUSE_SECONDS)))
        raise StoreUnavailable(f"{self.place} {_BUSY}")

    def check(self) -> None:
        """Return if the database can be read and written; raise ``StoreUnavailable``."""
        self.write(self._touch)

    def _touch(self, connection: Connection) -> None:
        # Nothing is changed, but a user without the right to write, or a server that is read-only, is refused.
        connection.execute(update(models).where(false()).values(title=models.c.title))
        if self.is_sqlite:
            # Written even if it stays as it is, and so a full disk shows.
            connection.exec_driver_sql("PRAGMA user_version=0")

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def _write_once(self, work: Callable[[Connection], _T]) -> _T:
        self._prepare()
        with self._engine.connect().execution_options(writes=True) as connection, connection.begin():
            return work(connection)

    def _make_days_ahead(self) -> None:
        """Make partitions for the coming days, once in a process; later days are made when a row needs them."""
        if self._has_days_ahead:
            return
        self._has_days_ahead = True
        # Not needed yet: whatever is in the way is said when a row needs it.
        with suppress(DBAPIError, PoolTimeoutError, StoreUnavailable):
            self._write_once(partitions.make_ahead_of_today)

    def _prepare(self) -> None:
        # Without a lock: it does no harm twice, and threads need not queue to learn that a server is away.
        if self._prepared:
            return
        if self.file is not None:
            self._make_folder(self.file.parent)
        if not self._takes_tables:
            self._make_missing()
        self._prepared = True

    def _make_missing(self) -> None:
        with self._engine.connect() as connection:
            try:
                missing = sql_schema.missing_definitions(connection)
            except sql_schema.WrongRevision as error:
                raise StoreUnavailable(f"{self.place} {error}") from None
        if missing:
            with self._engine.connect().execution_options(writes=True) as connection, connection.begin():
                for definition in missing:
                    connection.execute(definition)

    def _make_folder(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise file_trouble("make", folder, error) from error

    @property
    def place(self) -> str:
        """The database's name for messages, without user and password."""
        if self.is_sqlite:
            return f"the database {self._url.database}"
        return f"the database {self._url.database} at {self._url.host}:{self._url.port or 3306}"

    def _raise(self, error: Exception) -> NoReturn:
        """Raise what an error of the driver means: it never holds the URL, in which the password stands."""
        code = _code(error)
        if isinstance(error, (DataError, IntegrityError, ProgrammingError)) and code != _NO_SUCH_TABLE:
            raise error  # a fault of ours, which no waiting would heal
        self._prepared = False  # the database may come back empty
        reason = _BUSY if isinstance(error, PoolTimeoutError) else _REASONS.get(code, f"gave the error {code}")
        raise StoreUnavailable(f"{self.place} {reason}") from error


def _parse(url: str) -> URL:
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigurationError("store_url: this is not the URL of a database") from None


def _code(error: BaseException) -> int | str:
    """Return the number of a MySQL error or the name of an SQLite one."""
    driver_error = error.orig if isinstance(error, DBAPIError) else error
    name = getattr(driver_error, "sqlite_errorname", None)
    if name is not None:
        # SQLITE_IOERR_WRITE and the like are kinds of SQLITE_IOERR.
        return str(name) if name in _REPEATABLE else "_".join(str(name).split("_")[:2])
    first = driver_error.args[0] if driver_error is not None and driver_error.args else None
    return first if isinstance(first, int) else type(driver_error).__name__


def _mysql_engine(url: URL, answer_seconds: int | None) -> Engine:
    return create_engine(
        url,
        pool_pre_ping=True,
        pool_timeout=_POOL_SECONDS,
        isolation_level="READ COMMITTED",
        hide_parameters=True,
        connect_args={
            "charset": "utf8mb4",
            "connect_timeout": _CONNECT_SECONDS,
            "read_timeout": answer_seconds,
            "write_timeout": answer_seconds,
            "init_command": _MYSQL_SESSION,
        },
    )


def _sqlite_engine(url: URL) -> Engine:
    engine = create_engine(
        url, pool_timeout=_POOL_SECONDS, hide_parameters=True, connect_args={"timeout": _SQLITE_BUSY_SECONDS}
    )
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: sqlite3.Connection, record: Any) -> None:
    connection.isolation_level = None  # the driver begins no transactions: _begin_sqlite does
    _set_wal(connection)
    connection.execute("PRAGMA synchronous=FULL").close()


def _set_wal(connection: sqlite3.Connection) -> None:
    deadline = time.monotonic() + _SQLITE_BUSY_SECONDS
    while True:
        with closing(connection.execute("PRAGMA journal_mode")) as cursor:
            if cursor.fetchone() == ("wal",):
                return
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
        except sqlite3.OperationalError as error:
            # SQLite does not wait here for a process that switches the same new file at this moment.
            if _code(error) != "SQLITE_BUSY" or time.monotonic() > deadline:
                raise
            time.sleep(random.uniform(0, _LONGEST_PAUSE_SECONDS))


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later would fail, not wait, if another one wrote in between.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")
