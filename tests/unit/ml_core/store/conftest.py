"""A store on a MariaDB that a test may stop, and its spool."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ml_core.clock import FixedClock
from ml_core.settings import SpoolSettings
from ml_core.store.opening import open_spool
from ml_core.store.spool import Spool
from ml_core.store.spooled_store import SpooledSqlStore
from ml_core.store.sql_store import SqlStore
from tests.factories import NOON
from tests.mariadb import MariaDbServer, new_server

OpenSpooled = Callable[[], SpooledSqlStore]


@pytest.fixture(scope="session")
def _server_of_outages() -> Iterator[MariaDbServer]:
    started = new_server()
    yield started
    started.remove()


@pytest.fixture
def stoppable_server(_server_of_outages: MariaDbServer) -> Iterator[MariaDbServer]:
    """A private server that a test may stop; the next one finds it running."""
    yield _server_of_outages
    _server_of_outages.stop()
    _server_of_outages.start()


@pytest.fixture
def spooled_url(stoppable_server: MariaDbServer) -> str:
    """The URL of an empty database on that server."""
    return stoppable_server.new_database()


@pytest.fixture
def spool(spooled_url: str, tmp_path: Path) -> Spool:
    """The spool of that database."""
    return open_spool(spooled_url, SpoolSettings(folder=str(tmp_path)))


@pytest.fixture
def open_spooled(spooled_url: str, spool: Spool, clock: FixedClock) -> Iterator[OpenSpooled]:
    """Open the store as another process would."""
    opened: list[SpooledSqlStore] = []

    def open_one() -> SpooledSqlStore:
        opened.append(SpooledSqlStore(spooled_url, Spool(spool.folder, spool.max_bytes), clock))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def spooled(open_spooled: OpenSpooled) -> SpooledSqlStore:
    """The store with that spool."""
    return open_spooled()


@pytest.fixture
def stored_ids(spooled_url: str) -> Callable[[], list[str]]:
    """Read the ids of the predictions of housing_price made at noon straight from the database, in order."""

    def read() -> list[str]:
        with closing(SqlStore(spooled_url)) as plain:
            return sorted(plain.predictions("housing_price", NOON, NOON.replace(hour=13))["prediction_id"])

    return read
