"""Opens the store that a URL names. The drivers are imported here, so that a process loads only the one it uses."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from ml_core.config import resolve_path
from ml_core.errors import ConfigurationError
from ml_core.store.base import Store

_EXPECTED = "expected json:///folder, sqlite:///file or mysql+pymysql://user:password@host/database"


def open_store(url: str) -> Store:
    """Return the store at ``url``; raise ``ConfigurationError`` for another form of URL.

    ``json:///var/store`` and ``sqlite:///var/store.db`` are relative to the project's root, with four slashes
    absolute. The store's folders and tables are made if they are not there.
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
    from ml_core.store.sql_store import SqlStore

    return SqlStore(database)


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
    return url if parts.scheme == "mysql+pymysql" and parts.hostname and path else None
