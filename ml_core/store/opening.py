"""Opens the store that a URL names. The drivers are imported here, so that a process loads only the one it uses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ml_core.clock import Clock
from ml_core.config import resolve_path
from ml_core.errors import ConfigurationError
from ml_core.settings import SpoolSettings
from ml_core.store.base import Store

if TYPE_CHECKING:
    from ml_core.store.spool import Spool

_SERVER = "mysql+pymysql"
_EXPECTED = "expected json:///folder, sqlite:///file or mysql+pymysql://user:password@host/database"


def open_store(url: str, *, spool: SpoolSettings | None = None, clock: Clock | None = None) -> Store:
    """Return the store at ``url``; raise ``ConfigurationError`` for another form of URL.

    ``json:///var/store`` and ``sqlite:///var/store.db`` are relative to the project's root, with four slashes
    absolute. The store's folders and tables are made if they are not there. With ``spool`` a store on a server accepts
    records also while the server is away, by ``clock``, and begins to replay what waits; what other stores
    acknowledge is on a disk of this machine already.
    """
    try:
        folder, database = store_folder(url), database_url(url)
    except ValueError:
        raise ConfigurationError(f"store_url: {_EXPECTED}") from None
    if folder is not None:
        from ml_core.store.json_store import JsonStore

        return JsonStore(folder)
    if database is None:
        raise ConfigurationError(f"store_url: {_EXPECTED}")
    if spool is not None and urlsplit(database).scheme == _SERVER:
        from ml_core.store.spooled_store import SpooledSqlStore

        store = SpooledSqlStore(database, open_spool(url, spool), clock or Clock())
        store.replay_what_waits()
        return store
    from ml_core.store.sql_store import SqlStore

    return SqlStore(database)


def open_spool(url: str, settings: SpoolSettings) -> Spool:
    """Return the spool of the store at ``url``; raise ``ConfigurationError`` for one that has none."""
    from ml_core.store.spool import Spool, spool_folder

    try:
        found = database_url(url)
    except ValueError:
        found = None
    if found is None or urlsplit(found).scheme != _SERVER:
        raise ConfigurationError(
            f"store_url: only a store at {_SERVER}://... has a spool; the others keep on this machine's disk what they "
            "acknowledge, and nothing waits"
        )
    return Spool(spool_folder(resolve_path(settings.folder), found), settings.max_megabytes * 1_000_000)


def absent_place(url: str) -> Path | None:
    """Return where on this machine the store at ``url`` would be made if it were opened; None if it is there.

    Of a store on a server, and of a URL of another form, opening it tells.
    """
    try:
        place, database = store_folder(url), database_url(url)
    except ValueError:
        return None
    if database is not None and database.startswith("sqlite:"):
        place = Path(database.removeprefix("sqlite:///"))
    return None if place is None or place.exists() else place


def store_folder(url: str) -> Path | None:
    """Return the folder of the embedded store at ``url``; None if it names none. Raises ``ValueError``."""
    parts = urlsplit(url)
    path = parts.path.removeprefix("/")
    return resolve_path(path) if parts.scheme == "json" and path and not parts.netloc else None


def database_url(url: str) -> str | None:
    """Return the URL of the store's database, with an absolute path; None if it names none. Raises ``ValueError``."""
    parts = urlsplit(url)
    path = parts.path.removeprefix("/")
    if parts.scheme == "sqlite" and path and not parts.netloc:
        return f"sqlite:///{resolve_path(path)}"
    return url if parts.scheme == _SERVER and parts.hostname and path else None
