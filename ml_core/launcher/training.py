"""Trains the models that the store lacks, in the foreground, before anything is started that serves them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

import click

from ml_core.config import project_root
from ml_core.launcher.checks import check_store
from ml_core.launcher.errors import LauncherError
from ml_core.launcher.programs import Program
from ml_core.settings import Settings

TRAIN_COMMAND = (sys.executable, "-m", "ml_models", "train")


def train_missing(
    settings: Settings, programs: Sequence[Program], train_command: Sequence[str] = TRAIN_COMMAND
) -> None:
    """Train what these programs need and the store does not hold; raise ``LauncherError`` if a training fails.

    ``train_command`` makes the first models of an empty store, for those that serve whatever is there.
    """
    readers = [program for program in programs if program.reads_store]
    if not readers:
        return
    registered = check_store(settings)
    if not registered and any(program.model is None for program in readers):
        click.echo("no model is registered yet: training the first ones")
        _train(train_command)
    for program in readers:
        if program.model is not None and program.model not in registered:
            click.echo(f"{program.name} has no model yet: training {program.model}")
            _train(program.train_command)


def _train(command: Sequence[str]) -> None:
    code = subprocess.run(command, cwd=project_root(), check=False).returncode
    if code != 0:
        raise LauncherError(f"the training failed (exit code {code}, its output is above): nothing was started")
