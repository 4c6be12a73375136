"""``python -m ml_core.retraining list | history MODEL | ask MODEL | roll-back MODEL``: requests, trials, history."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from ml_core.clock import format_time
from ml_core.commands import plain_errors
from ml_core.process_parts import ProcessParts, opened_parts, plain_parts
from ml_core.retraining.asking import ask_for_retraining, roll_back
from ml_core.retraining.history import list_events
from ml_core.retraining.requests import list_requests
from ml_core.retraining.telling import e_value
from ml_core.retraining.trials import list_trials


@click.group()
def main() -> None:
    """Models that are trained anew: requests, trials and their history."""


@main.command("list")
def list_all() -> None:
    """Show the newest request of each model, and the trials that go on."""
    with _opened() as parts:
        requests, trials = list_requests(parts.store), list_trials(parts.store)
        for request in requests:
            ended = f": {request.outcome}: {request.message}" if request.outcome else ""
            asked = f"asked for by {request.asked_by} at {format_time(request.requested_time)}"
            click.echo(f"{request.model}: {request.state}, {asked}{ended}")
        for trial in trials:
            click.echo(
                f"{trial.model}: {trial.kind} of version {trial.hidden} beside {trial.served} until "
                f"{format_time(trial.until_time)}; e-value {e_value(trial.log_e_better):.3g} in {trial.pairs} pairs, "
                f"{1 / parts.settings.retraining.alpha:.3g} decides"
            )
        if not requests and not trials:
            click.echo("nobody has asked for any model to be trained anew")


@main.command()
@click.argument("model")
def history(model: str) -> None:
    """Show what ran when, why and by whom for one model, oldest first."""
    with _opened() as parts:
        for event in list_events(parts.store, parts.registry.find(model).name):
            version = "" if event.version is None else f" v{event.version}"
            click.echo(f"{format_time(event.time)}  {event.what}{version}  {event.why}  ({event.who})")


@main.command()
@click.argument("model")
@click.option("--author", default="", help="Who asks, for the history.")
@click.option("--reason", default="", help="Why, for the history.")
def ask(model: str, author: str, reason: str) -> None:
    """Ask for a model to be trained anew by its owner's next run."""
    with _opened() as parts:
        filed = ask_for_retraining(parts.registry, model, author=author, reason=reason)
        click.echo(f"{filed.model} is trained anew by the next run of its owner's retrain")


@main.command("roll-back")
@click.argument("model")
@click.option("--author", default="", help="Who does it, for the history.")
@click.option("--reason", default="", help="Why, for the history.")
def go_back(model: str, author: str, reason: str) -> None:
    """Make the version before the champion the champion again."""
    with _opened() as parts:
        after = roll_back(parts.registry, model, author=author, reason=reason)
        click.echo(f"{after.name}: version {after.champion} serves again")


@contextmanager
def _opened() -> Iterator[ProcessParts]:
    with plain_errors(), opened_parts(plain_parts) as parts:
        yield parts


if __name__ == "__main__":
    main()
