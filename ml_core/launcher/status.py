"""Tells which apps run."""

from __future__ import annotations

from collections.abc import Sequence

import click

from ml_core.config import resolve_path
from ml_core.launcher.apps import App
from ml_core.launcher.health import unready
from ml_core.launcher.pid_files import read_record
from ml_core.settings import Settings


def status(settings: Settings, apps: Sequence[App]) -> None:
    """Print a line an app: stopped, running and ready, or running and why it is not ready."""
    run_folder = resolve_path(settings.run_folder)
    for app in apps:
        record = read_record(run_folder, app.name)
        if record is None or not record.is_running():
            click.echo(f"{app.name:<12} stopped")
            continue
        reason = unready(app)
        state = "ready" if reason is None else f"not ready: {reason}"
        click.echo(f"{app.name:<12} running (pid {record.pid}) at {app.url}, {state}")
