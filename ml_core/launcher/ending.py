"""Ends processes that were started by the launcher, and no others."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from ml_core.launcher.errors import LauncherError
from ml_core.launcher.pid_files import Record, pid_file
from ml_core.launcher.proc import environment_value, group_members, process_state, session_members

MARK = "SUITE_PID_FILE"
"""The variable that tells a process, and all that it starts, for which pid file it was started."""

_PAUSE_SECONDS = 0.05
_KILL_SECONDS = 5.0


def end(record: Record, grace_seconds: float = 10.0) -> bool:
    """Stop a recorded process and those it has started: SIGTERM, and SIGKILL after a while. True if that was needed.

    A process that has got the pid of one that is gone is not touched.
    """
    state = process_state(record.pid)
    if state is None or state.start_ticks != record.start_ticks:
        return False
    leads = state.group == record.pid  # else it was not started by the launcher, and its group holds others
    _signal(record.pid, signal.SIGTERM)

    def has_ended() -> bool:
        return not (record.is_running() or (leads and group_members(record.pid)))

    if _within(grace_seconds, has_ended):
        return False
    if leads:
        _kill_group(record.pid)
    else:
        _signal(record.pid, signal.SIGKILL)
    if not _within(_KILL_SECONDS, has_ended):
        raise LauncherError(f"process {record.pid} does not end, not even by SIGKILL")
    return True


def end_leftovers(run_folder: Path, name: str, record: Record, grace_seconds: float = 10.0) -> list[int]:
    """Stop what an app that was killed has left behind, such as a server's workers; return the pids."""
    pids = _leftovers(run_folder, name, record)
    states = [process_state(pid) for pid in pids]

    def have_ended() -> bool:
        # One that is about to end has lost its environment, and with it the mark, while it still runs.
        ended = all(state is None or process_state(state.pid) != state for state in states)
        return ended and not _leftovers(run_folder, name, record)

    for pid in pids:
        _signal(pid, signal.SIGTERM)
    if not _within(grace_seconds, have_ended):
        for pid in _leftovers(run_folder, name, record):
            _signal(pid, signal.SIGKILL)
        if not _within(_KILL_SECONDS, have_ended):
            raise LauncherError(f"what {name} has left behind does not end, not even by SIGKILL")
    return pids


def _leftovers(run_folder: Path, name: str, record: Record) -> list[int]:
    if process_state(record.pid) is not None:
        return []  # the app runs, or another process has its pid, which can only be when its session is empty
    # A later session may have had that pid and be leaderless too: the mark tells them apart.
    mark = str(pid_file(run_folder, name))
    return [pid for pid in session_members(record.pid) if environment_value(pid, MARK) == mark]


def _within(seconds: float, condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE_SECONDS)
    return True


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return  # it ended just now, which is what was wanted
    except PermissionError:
        raise LauncherError(f"process {pid} belongs to another user: stop it as that user") from None


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return  # the last one ended just now
