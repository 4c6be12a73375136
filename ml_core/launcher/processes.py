"""Starts processes that outlive the launcher."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ml_core.config import project_root
from ml_core.launcher.ending import MARK, end
from ml_core.launcher.errors import LauncherError
from ml_core.launcher.pid_files import Record, forget, pid_file, write_record
from ml_core.launcher.proc import process_state
from ml_core.launcher.programs import Program

MAX_LOG_BYTES = 10 * 1024 * 1024
_TAIL_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Started:
    """A process that this call has started."""

    program: Program
    popen: subprocess.Popen[bytes]
    record: Record
    log: Path
    log_start: int

    def log_tail(self, lines: int = 20) -> str:
        """Return the last lines that this process has written to its log."""
        with self.log.open("rb") as log:
            log.seek(max(self.log_start, self.log.stat().st_size - _TAIL_BYTES))
            return "\n".join(log.read().decode("utf-8", errors="replace").splitlines()[-lines:])

    def release(self) -> None:
        """Leave the process to itself; from now on the pid file stands for it."""
        # Popen warns when it goes while its child still runs, as this child is meant to.
        self.popen.returncode = 0


def launch(program: Program, run_folder: Path, log_folder: Path) -> Started:
    """Start a program in a session of its own, with its output appended to its log, and write its pid file."""
    log = log_folder / f"{program.name}.log"
    try:
        _rotate(log)
        for path, content in program.files.items():
            _write_private(path, content)
        with log.open("ab") as output:
            log_start = output.tell()
            popen = subprocess.Popen(
                program.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=project_root(),
                env={**os.environ, **program.environment, MARK: str(pid_file(run_folder, program.name))},
                start_new_session=True,
            )
    except OSError as error:
        raise LauncherError(f"cannot start {program.name}: {error}") from None
    state = process_state(popen.pid)
    # One that has ended already has no state. No process has start time 0, so nothing is mistaken for it.
    record = Record(popen.pid, state.start_ticks if state else 0, program.port)
    started = Started(program, popen, record, log, log_start)
    try:
        write_record(run_folder, program.name, record)
    except BaseException as error:  # without its pid file nobody would find it again
        abandon(started, run_folder)
        if isinstance(error, OSError):
            raise LauncherError(f"cannot write the pid file of {program.name}: {error}") from None
        raise
    return started


def abandon(started: Started, run_folder: Path) -> None:
    """Stop a process that this call has started, and remove its pid file."""
    end(started.record)
    started.popen.wait()
    forget(run_folder, started.program.name)


def _write_private(path: Path, content: str) -> None:
    """Write a file that may hold a token: only its owner may read it, from its first byte on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with open(path, "x", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(content)


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
        log.replace(log.with_name(f"{log.name}.1"))
