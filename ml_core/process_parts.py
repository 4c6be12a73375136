"""What every command works with, opened in one place: settings, store, registry and clock of one process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from ml_core import logs
from ml_core.clock import Clock
from ml_core.clocks import clock_of
from ml_core.config import load_settings, resolve_path
from ml_core.registry import Registry
from ml_core.settings import Settings
from ml_core.store.base import Store
from ml_core.store.opening import open_store


@dataclass(frozen=True, slots=True)
class ProcessParts:
    """Store, registry, clock and settings of one process; an owner of jobs adds what it alone needs."""

    settings: Settings
    registry: Registry

    @property
    def store(self) -> Store:
        """Where everything is kept."""
        return self.registry.store

    @property
    def clock(self) -> Clock:
        """The time of day."""
        return self.registry.clock


Parts = TypeVar("Parts", bound=ProcessParts)


def registry_on(settings: Settings, store: Store, clock: Clock) -> Registry:
    """Return the registry of a store that is open, with the files where the settings say."""
    return Registry(store, resolve_path(settings.artifacts_folder), clock)


def plain_parts(settings: Settings, store: Store, clock: Clock) -> ProcessParts:
    """Return the parts on a store that is open, for a command that needs no more."""
    return ProcessParts(settings, registry_on(settings, store, clock))


@contextmanager
def opened_parts(make: Callable[[Settings, Store, Clock], Parts]) -> Iterator[Parts]:
    """Open the parts as the settings in force say, for a command; the store is closed at the end.

    Raises what ``make`` raises, ``ConfigurationError`` and ``StoreUnavailable``.
    """
    settings = load_settings()
    logs.configure(settings.log_level)
    store = open_store(settings.store_url.get_secret_value())
    try:
        yield make(settings, store, clock_of(settings))
    finally:
        store.close()
