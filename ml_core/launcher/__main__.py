"""``python -m ml_core.launcher start | stop | status | prepare | probe``: the platform on this machine."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import click

from ml_core.commands import LazyGroup
from ml_core.config import load_settings
from ml_core.errors import SuiteError
from ml_core.launcher import start as starting
from ml_core.launcher import status as showing
from ml_core.launcher import stop as stopping
from ml_core.launcher.errors import LauncherError
from ml_core.launcher.health import unready
from ml_core.launcher.jobs import cron_calls_jobs
from ml_core.launcher.jupyter import NAME as JUPYTER
from ml_core.launcher.platform import chosen_programs, known_programs, not_installed
from ml_core.launcher.training import train_missing


@click.group(cls=LazyGroup)
def main() -> None:
    """Start and stop the platform on this machine; see docs/configuration.md for its settings."""


@main.command()
@click.argument("names", nargs=-1)
def start(names: tuple[str, ...]) -> None:
    """Start the platform, or the NAMES of it alone, in the background and wait until they are ready."""
    with _told_in_one_line():
        settings = load_settings()
        programs = chosen_programs(settings, names)
        # So that a start that is told to end takes along what it has started.
        signal.signal(signal.SIGTERM, _exit)
        starting.start(settings, programs)
        missing = not_installed(programs, settings) if not names else []
        if missing:
            click.echo(f"{' and '.join(missing)} cannot be started here: ./install.sh --platform installs them")
        if not names and cron_calls_jobs():
            click.echo("cron calls the jobs, by the lines of make install-cron: it goes on when this is stopped")


@main.command()
@click.argument("names", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="JupyterLab, too.")
def stop(names: tuple[str, ...], everything: bool) -> None:
    """Stop what start has started, or the NAMES of it alone, and nothing else."""
    with _told_in_one_line():
        spared = () if everything or names else (JUPYTER,)
        stopping.stop(load_settings(), names, spared=spared)


@main.command()
def status() -> None:
    """Show a line a program."""
    with _told_in_one_line():
        settings = load_settings()
        showing.status(settings, known_programs(settings))


@main.command()
@click.argument("names", nargs=-1)
def prepare(names: tuple[str, ...]) -> None:
    """Train the models that the platform, or the NAMES of it alone, needs and the store lacks; start nothing."""
    with _told_in_one_line():
        settings = load_settings()
        train_missing(settings, chosen_programs(settings, names))


@main.command()
@click.argument("name")
def probe(name: str) -> None:
    """Ask NAME on this machine whether it is ready, for the health checks of containers."""
    with _told_in_one_line():
        (program,) = chosen_programs(load_settings(), [name])
        reason = unready(program)
        if reason is not None:
            raise LauncherError(reason)


@contextmanager
def _told_in_one_line() -> Iterator[None]:
    try:
        yield
    except SuiteError as error:
        click.echo(error.message, err=True)
        sys.exit(1)


def _exit(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    main(prog_name="python -m ml_core.launcher")
