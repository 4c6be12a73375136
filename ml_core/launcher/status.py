"""Tells which programs run."""

from __future__ import annotations

from collections.abc import Sequence

import click

from ml_core.config import resolve_path
from ml_core.launcher.health import unready
from ml_core.launcher.pid_files import read_record
from ml_core.launcher.programs import Program, name_width
from ml_core.settings import Settings


def status(settings: Settings, programs: Sequence[Program]) -> None:
    """Print a line a program: stopped, running and ready, or running and why it is not ready."""
    run_folder = resolve_path(settings.run_folder)
    width = name_width(programs)
    for program in programs:
        record = read_record(run_folder, program.name)
        if record is None or not record.is_running():
            click.echo(f"{program.name:<{width}} stopped")
            continue
        reason = unready(program)
        state = "ready" if reason is None else f"not ready: {reason}"
        where = f" at {program.address}, {state}" if program.address else ""
        click.echo(f"{program.name:<{width}} running (pid {record.pid}){where}")
