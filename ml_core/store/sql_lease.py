"""A lease that one process at a time holds on the migration of a database.

It is a row, since a distributed server has no named locks. The holder renews it while it works. If the holder dies, the
lease runs out, and another process takes it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, String, Table, delete, insert, select, update
from sqlalchemy.schema import CreateTable

from ml_core.clock import Clock
from ml_core.errors import StoreUnavailable
from ml_core.ids import new_id
from ml_core.store.sql_engine import Database
from ml_core.store.tables import OPTIONS, UtcTime

_NAME = "migrate"
_SECONDS = 60
_RENEWED_EVERY_SECONDS = 15
_PAUSE_SECONDS = 0.2

migration_leases = Table(
    "migration_leases",
    MetaData(),
    Column("name", String(64), nullable=False),
    Column("holder", String(64), nullable=False),
    Column("until_time", UtcTime, nullable=False),
    PrimaryKeyConstraint("name"),
    **OPTIONS,
)
_columns = migration_leases.c


@contextmanager
def held_lease(database: Database, progress: Callable[[str], None]) -> Iterator[Callable[[], None]]:
    """Hold the lease, after a wait if another process holds it; give it back at the end.

    Yields what to call before each step: it renews the lease, and raises ``StoreUnavailable`` if it was lost.
    """
    now = Clock().now()
    holder = new_id(now)
    database.write(lambda connection: connection.execute(CreateTable(migration_leases, if_not_exists=True)))
    waits = False
    while not database.write(partial(_take, holder=holder)):
        if not waits:
            progress(f"another process migrates {database.place}: waiting until it is done")
        waits = True
        time.sleep(_PAUSE_SECONDS)

    def renew() -> None:
        if not database.write(partial(_renew, holder=holder)):
            raise StoreUnavailable(f"{database.place} is migrated by another process, which took this one for dead")

    ended = threading.Event()
    heart = threading.Thread(target=_keep, args=(renew, ended), name="migration lease", daemon=True)
    heart.start()
    try:
        yield renew
    finally:
        ended.set()
        heart.join()
        with suppress(StoreUnavailable):  # then it runs out by itself
            database.write(partial(_give_back, holder=holder))


def _keep(renew: Callable[[], None], ended: threading.Event) -> None:
    while not ended.wait(_RENEWED_EVERY_SECONDS):
        with suppress(StoreUnavailable):  # the work itself finds out, before its next step
            renew()


def _take(connection: Connection, holder: str) -> bool:
    now = Clock().now()
    is_there = connection.execute(select(_columns.name).where(_columns.name == _NAME)).one_or_none()
    if is_there is None:
        # If another process is first, this is a duplicate key, and the repeated transaction finds the row.
        connection.execute(insert(migration_leases).values(name=_NAME, holder=holder, until_time=_end(now)))
        return True
    lapsed = update(migration_leases).where(_columns.name == _NAME, _columns.until_time <= now)
    return connection.execute(lapsed.values(holder=holder, until_time=_end(now))).rowcount == 1


def _renew(connection: Connection, holder: str) -> bool:
    mine = update(migration_leases).where(_columns.name == _NAME, _columns.holder == holder)
    return connection.execute(mine.values(until_time=_end(Clock().now()))).rowcount == 1


def _give_back(connection: Connection, holder: str) -> None:
    connection.execute(delete(migration_leases).where(_columns.name == _NAME, _columns.holder == holder))


def _end(now: datetime) -> datetime:
    return now + timedelta(seconds=_SECONDS)
