"""What every command of link traffic works with, opened in one place, and where its history comes from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from forecasting_jobs.link_traffic.link_series import HOUR, STEP_NAMES, LinkSeries, links_of, read_links
from forecasting_jobs.link_traffic.simulated_links import SimulatedLinks
from ml_core import process_parts
from ml_core.clock import Clock
from ml_core.errors import FieldError, InvalidInput
from ml_core.process_parts import ProcessParts, registry_on
from ml_core.settings import Settings
from ml_core.store.base import Store

NOTHING = timedelta(0)
GENERATED_DAYS = {"hourly": 60, "5min": 28}


@dataclass(frozen=True, slots=True)
class TrafficHistory:
    """Series of links by step, and where they come from, for the lineage."""

    source: str
    links: Sequence[LinkSeries]


def generated_history(made_up: SimulatedLinks, step: str, end: datetime, days: int | None = None) -> TrafficHistory:
    """Return the traffic of made-up links over the days before ``end``, cut to the hour."""
    end = end.replace(minute=0, second=0, microsecond=0)
    start = end - timedelta(days=days or GENERATED_DAYS[step])
    return TrafficHistory(
        f"generated, seed {made_up.seed}", links_of(made_up.traffic(start, end, STEP_NAMES[step]), STEP_NAMES[step])
    )


def read_history(path: Path) -> dict[str, TrafficHistory]:
    """Return the traffic in a CSV file by step: of five minutes hours can be made, of hours nothing shorter.

    Raises ``InvalidTable``, and ``InvalidInput`` for a step that is neither.
    """
    table = read_links(path)
    found = links_of(table)[0].step
    steps = [name for name, step in STEP_NAMES.items() if found == step or (step == HOUR and HOUR % found == NOTHING)]
    if not steps:
        message = f"expected times 5 minutes or an hour apart, or so that hours can be made of them, not {found}"
        raise InvalidInput(f"{path}: time: {message}", [FieldError("time", message)])
    return {step: TrafficHistory(path.name, links_of(table, STEP_NAMES[step])) for step in steps}


def choose_histories(
    steps: Sequence[str], file: Path | None, made_up: SimulatedLinks, end: datetime, days: int | None
) -> dict[str, TrafficHistory]:
    """Return what is to be learnt from by step, all of them where none is named: of a file, or made up.

    Raises ``InvalidInput`` for a step that the file does not have, and as ``read_history`` does.
    """
    if file is None:
        return {step: generated_history(made_up, step, end, days) for step in steps or STEP_NAMES}
    found = read_history(file)
    if lacking := [step for step in steps if step not in found]:
        message = f"{file.name} has no times close enough for {', '.join(lacking)}"
        raise InvalidInput(f"--step: {message}", [FieldError("step", message)])
    return {step: history for step, history in found.items() if not steps or step in steps}


def make_parts(settings: Settings, store: Store, clock: Clock) -> ProcessParts:
    """Return the parts on a store that is open."""
    return ProcessParts(settings, registry_on(settings, store, clock))


@contextmanager
def opened_parts() -> Iterator[ProcessParts]:
    """Open the parts as the settings in force say, for a command; the store is closed at the end."""
    with process_parts.opened_parts(make_parts) as parts:
        yield parts
