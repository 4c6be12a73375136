"""The command ``retrain`` of an owner: one run of its job, for which somebody may ask on the spot."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import click

from ml_core.commands import plain_errors
from ml_core.errors import InvalidInput
from ml_core.jobs.runner import run_job
from ml_core.process_parts import ProcessParts, opened_parts, plain_parts
from ml_core.retraining.owner import Owner
from ml_core.retraining.requests import file_by_hand
from ml_core.retraining.retrain import retrain_job

AUTHOR = "the command line"


def retrain_command(opened_owner: Callable[[], AbstractContextManager[Owner]]) -> click.Command:
    """Return the command for an owner, which is opened when it is called."""

    @click.command("retrain")
    @click.option("--ask", "asked", multiple=True, metavar="MODEL", help="Ask for this model to be trained anew, now.")
    @click.option("--reason", default="", help="With --ask: why, for the history.")
    def retrain(asked: tuple[str, ...], reason: str) -> None:
        """Train anew the models for which somebody has asked, and look at the challengers on trial."""
        with plain_errors(), opened_owner() as owner:
            own = [subject.model for subject in owner.subjects]
            names = [owner.parts.registry.find(name).name for name in asked]
            for name in names:
                if name not in own:
                    raise InvalidInput(f"--ask: expected one of {', '.join(own) or 'no model yet'}, not {name!r}")
            for name in names:
                file_by_hand(owner.parts.store, name, author=AUTHOR, now=owner.parts.clock.now(), reason=reason)
            code = run_job(retrain_job(owner), owner.parts.store, owner.parts.clock)
            for run in owner.parts.store.list_runs(owner.job, newest=1):
                click.echo(f"{run.state}: {run.message}")
        raise SystemExit(int(code))

    return retrain


@contextmanager
def opened_owner(make: Callable[[ProcessParts], Owner]) -> Iterator[Owner]:
    """Open the parts as the settings in force say, for an owner that needs no more; the store is closed at the end."""
    with opened_parts(plain_parts) as parts:
        yield make(parts)
