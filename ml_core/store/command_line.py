"""What the commands of the store share: the settings in force, the store they name, and progress on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ml_core.commands import plain_errors
from ml_core.config import load_settings
from ml_core.settings import Settings, SpoolSettings
from ml_core.store.base import Store
from ml_core.store.opening import open_store
from ml_core.store.progress import ShownProgress


@contextmanager
def opened_store(*, with_spool: bool = False) -> Iterator[tuple[Store, Settings]]:
    """Give the store that the settings name, and the settings; errors of ours become one line and exit status 1."""
    with plain_errors():
        settings = load_settings()
        with opened(settings.store_url.get_secret_value(), settings.spool if with_spool else None) as store:
            yield store, settings


@contextmanager
def opened(url: str, spool: SpoolSettings | None = None) -> Iterator[Store]:
    """Give the store at ``url``; with ``spool``, what waits there counts to it."""
    store = open_store(url, spool=spool)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def shown_progress() -> Iterator[ShownProgress]:
    """Give progress that is shown on standard error."""
    progress = ShownProgress(sys.stderr)
    try:
        yield progress
    finally:
        progress.close()
