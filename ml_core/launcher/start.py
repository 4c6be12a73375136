"""Starts the apps, and what goes with them, that do not run yet, and waits until all are ready."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import click

from ml_core.launcher.checks import check_log, check_ports, check_python, writable_folder
from ml_core.launcher.ending import end_leftovers
from ml_core.launcher.errors import LauncherError
from ml_core.launcher.health import unready
from ml_core.launcher.lock import only_launcher
from ml_core.launcher.pid_files import Record, read_record, recorded
from ml_core.launcher.processes import Started, abandon, launch
from ml_core.launcher.programs import Program, name_width
from ml_core.launcher.training import TRAIN_COMMAND, train_missing
from ml_core.settings import Settings

_PAUSE_SECONDS = 0.1


def start(
    settings: Settings,
    apps: Sequence[Program],
    *,
    train_command: Sequence[str] = TRAIN_COMMAND,
    ready_seconds: float = 60.0,
) -> None:
    """Start what does not run yet; return when all apps are ready, or raise with nothing half-started.

    1. Find which apps run already; if all do and are ready, that is all. End what killed ones have left behind.
    2. Check what the missing ones need: ports, logs, the store.
    3. Train the models if the store holds none, and what a missing app needs, in the foreground.
    4. Start the missing apps, each in a session of its own.
    5. Wait until each app answers that it is ready. If one does not, stop those of step 4.
    """
    check_python()
    run_folder = writable_folder("run_folder", settings.run_folder)
    log_folder = writable_folder("log_folder", settings.log_folder)
    with only_launcher(run_folder):
        running = _running(run_folder, apps)
        missing = [app for app in apps if app.name not in running]
        for app in missing:
            _clear(run_folder, app)
        if missing:
            _prepare(settings, apps, missing, log_folder, train_command)
        started: list[Started] = []
        try:
            for app in missing:
                click.echo(f"starting {app.name}, its log is {log_folder / app.name}.log")
                started.append(launch(app, run_folder, log_folder))
            _wait_until_ready(apps, running, started, ready_seconds)
        except BaseException:  # also when interrupted by the keyboard
            for process in reversed(started):
                abandon(process, run_folder)
            raise
        for process in started:
            process.release()
    _show(apps, already=not started)


def _running(run_folder: Path, apps: Sequence[Program]) -> dict[str, Record]:
    running = {name: record for name, record in recorded(run_folder).items() if record.is_running()}
    for app in apps:
        if app.name in running and running[app.name].port != app.port:
            raise LauncherError(
                f"{app.name} runs on port {running[app.name].port}, and the settings say {app.port}: "
                "stop it first, by make stop-platform"
            )
    return running


def _clear(run_folder: Path, app: Program) -> None:
    """End the workers of a server that was killed: they would still answer on its port."""
    record = read_record(run_folder, app.name)
    pids = end_leftovers(run_folder, app.name, record) if record is not None else []
    if pids:
        click.echo(f"{app.name} was killed; stopped what it had left behind (pid {', '.join(map(str, pids))})")


def _prepare(
    settings: Settings,
    apps: Sequence[Program],
    missing: Sequence[Program],
    log_folder: Path,
    train_command: Sequence[str],
) -> None:
    check_ports(apps, missing)
    for app in missing:
        check_log(app, log_folder)
    train_missing(settings, missing, train_command)


def _wait_until_ready(
    apps: Sequence[Program], running: dict[str, Record], started: Sequence[Started], ready_seconds: float
) -> None:
    deadline = time.monotonic() + ready_seconds
    waiting = list(apps)
    told = False
    while waiting:
        for process in started:
            if process.popen.poll() is not None:
                raise LauncherError(f"{process.program.name} ended ({process.popen.returncode}) {_end_of_log(process)}")
        for app in apps:
            if app.name in running and not running[app.name].is_running():
                raise LauncherError(f"{app.name} ended meanwhile: see its log, and start again")
        reasons = {app.name: reason for app in waiting if (reason := unready(app)) is not None}
        waiting = [app for app in waiting if app.name in reasons]
        if waiting and time.monotonic() > deadline:
            raise LauncherError(_too_late(waiting[0], reasons[waiting[0].name], running, started, ready_seconds))
        if waiting and not told:
            click.echo(f"waiting until {' and '.join(app.name for app in waiting)} can be used")
            told = True
        if waiting:
            time.sleep(_PAUSE_SECONDS)


def _too_late(
    app: Program, reason: str, running: dict[str, Record], started: Sequence[Started], ready_seconds: float
) -> str:
    late = f"{app.name} is not ready after {ready_seconds:g} s: {reason}"
    if app.name in running:
        return f"{late} (it ran before, pid {running[app.name].pid}: make stop-platform stops it)"
    (process,) = (process for process in started if process.program is app)
    return f"{late}; it was stopped {_end_of_log(process)}"


def _end_of_log(process: Started) -> str:
    lines = process.log_tail()
    return f"and {process.log} ends with:\n{lines}" if lines else f"and has written nothing to {process.log}"


def _show(apps: Sequence[Program], already: bool) -> None:
    what = "the platform runs" if len(apps) > 1 else f"{apps[0].name} runs"
    click.echo(f"{what} already:" if already else f"{what}:")
    width = name_width(apps)
    for app in apps:
        click.echo(f"  {app.name:<{width}} {app.address:<28} {app.title}".rstrip())
