"""The three kinds of store, each empty for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_core.store.base import Store
from ml_core.store.opening import open_store
from tests.contract.processes import ProcessGroup
from tests.mariadb import MariaDbServer, new_server


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[MariaDbServer]:
    """A private server, for the whole run."""
    server = new_server()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def mariadb(mariadb_server: MariaDbServer) -> str:
    """The URL of the private server, without a database."""
    return mariadb_server.url


@pytest.fixture(params=["json", "sqlite", "mariadb"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store of each kind."""
    if request.param == "json":
        return f"json:///{tmp_path / 'store'}"
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store' / 'store.db'}"
    server: MariaDbServer = request.getfixturevalue("mariadb_server")
    return server.new_database()


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """An empty store of each kind."""
    opened = open_store(store_url)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def kept_stores(tmp_path_factory: pytest.TempPathFactory, mariadb_server: MariaDbServer) -> Iterator[list[Store]]:
    """A store of each kind that stays for all examples of a property, each of which takes a series of its own."""
    folder = tmp_path_factory.mktemp("kept")
    urls = [f"json:///{folder / 'json'}", f"sqlite:///{folder / 'store.db'}", mariadb_server.new_database()]
    stores = [open_store(url) for url in urls]
    yield stores
    for each in stores:
        each.close()


@pytest.fixture(scope="session")
def processes() -> Iterator[ProcessGroup]:
    """Eight processes that can be let loose on one store at the same moment."""
    group = ProcessGroup()
    yield group
    group.close()
