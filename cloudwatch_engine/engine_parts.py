"""What every command of the engine works with, opened in one place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cloudwatch_engine.names import CPU, instance_of, series_name
from cloudwatch_engine.seed_config import SeedConfig, read_config
from ml_core.clock import Clock
from ml_core.config import resolve_path
from ml_core.forecasters.overload import alert_level
from ml_core.process_parts import ProcessParts, opened_parts, registry_on
from ml_core.settings import CloudWatchSettings, Settings
from ml_core.store.base import Store


@dataclass(frozen=True, slots=True)
class Engine(ProcessParts):
    """The parts of one process of the engine, with its ``config.json``."""

    config: SeedConfig

    @property
    def section(self) -> CloudWatchSettings:
        """The engine's section of the settings."""
        return self.settings.cloudwatch

    @property
    def period(self) -> timedelta:
        """The distance of two points of a series."""
        return timedelta(seconds=self.section.period_seconds)

    @property
    def folder(self) -> Path:
        """Where the files of the first system are kept up to date."""
        return resolve_path(self.section.folder)

    def instances(self) -> list[str]:
        """Return the instances of which a series of CPU is known, in order."""
        found = (instance_of(series) for series in self.store.list_series())
        return sorted(instance for instance in found if instance is not None)

    def active_instances(self) -> list[str]:
        """Return the instances of which points are known within the stretch that is looked at: the schedule's work.

        One that was shut down, or an old data set that was trained on, keeps its last forecast and is left alone.
        """
        now = self.clock.now()
        start = now - timedelta(days=self.section.history_days)
        found = []
        for instance in self.instances():
            if not self.store.observations(series_name(instance, CPU), start, now + self.period).empty:
                found.append(instance)
        return found

    @property
    def alert_level(self) -> float:
        """The probability of an overload from which on a warning costs less than silence."""
        return alert_level(missed_cost=self.section.cost_missed, false_cost=self.section.cost_false)

    def limit_of(self, instance: str) -> float:
        """Return the CPU in percent beyond which an instance is overloaded."""
        own = dict(entry.rsplit("=", 1) for entry in self.section.limits)
        return float(own.get(instance, self.section.limit))


def make_engine(settings: Settings, store: Store, clock: Clock) -> Engine:
    """Return the parts on a store that is open; raise ``ConfigurationError`` for a wrong ``config.json``."""
    config = read_config(resolve_path(settings.cloudwatch.config_file))
    return Engine(settings, registry_on(settings, store, clock), config)


@contextmanager
def opened_engine() -> Iterator[Engine]:
    """Open the parts as the settings in force say, for a command; the store is closed at the end."""
    with opened_parts(make_engine) as engine:
        yield engine
