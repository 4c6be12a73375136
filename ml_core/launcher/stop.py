"""Stops the processes that the launcher has started, and no others."""

from __future__ import annotations

from collections.abc import Collection

import click

from ml_core.config import resolve_path
from ml_core.launcher.ending import end, end_leftovers
from ml_core.launcher.lock import only_launcher
from ml_core.launcher.pid_files import forget, recorded
from ml_core.launcher.platform import check_stoppable
from ml_core.settings import Settings


def stop(
    settings: Settings, names: Collection[str] = (), *, spared: Collection[str] = (), grace_seconds: float = 10.0
) -> None:
    """Stop what the pid files name: only ``names`` if there are any, and none of ``spared``.

    The settings may have changed since the start: only the folder matters. Raises ``LauncherError`` for an unknown
    name, before anything is stopped.
    """
    run_folder = resolve_path(settings.run_folder)
    check_stoppable(settings, names, recorded(run_folder))
    if not run_folder.is_dir():
        click.echo("nothing to stop")
        return
    with only_launcher(run_folder):
        stopped = 0
        for name, record in recorded(run_folder).items():
            if name in spared or (names and name not in names):
                continue
            if record.is_running():
                forced = end(record, grace_seconds)
                click.echo(f"stopped {name} (pid {record.pid}{', by SIGKILL' if forced else ''})")
                stopped += 1
            elif pids := end_leftovers(run_folder, name, record, grace_seconds):
                click.echo(f"{name} was killed; stopped what it had left behind (pid {', '.join(map(str, pids))})")
                stopped += 1
            else:
                click.echo(f"{name} had ended by itself (pid {record.pid}); its pid file is removed")
            forget(run_folder, name)
    if not stopped:
        click.echo("nothing to stop")
