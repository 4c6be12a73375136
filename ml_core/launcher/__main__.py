"""``python -m ml_core.launcher start | stop | status``: the platform on this machine."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import click

from ml_core.config import load_settings
from ml_core.errors import SuiteError
from ml_core.launcher import start as starting
from ml_core.launcher import status as showing
from ml_core.launcher import stop as stopping
from ml_core.launcher.apps import platform_apps


@click.group()
def main() -> None:
    """Start and stop the platform on this machine; see docs/configuration.md for its settings."""


@main.command()
def start() -> None:
    """Start the apps in the background and wait until they are ready."""
    with _told_in_one_line():
        settings = load_settings()
        # So that a start that is told to end takes along what it has started.
        signal.signal(signal.SIGTERM, _exit)
        starting.start(settings, platform_apps(settings))


@main.command()
def stop() -> None:
    """Stop what start has started, and nothing else."""
    with _told_in_one_line():
        stopping.stop(load_settings())


@main.command()
def status() -> None:
    """Show a line an app."""
    with _told_in_one_line():
        settings = load_settings()
        showing.status(settings, platform_apps(settings))


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
