"""Runs commands of the suite as ``suite_process`` does, many of them in one process that is kept for their package."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

from forecasting_jobs.suite_process import DEADLINE_SECONDS, CommandFailed, failure, suite_environ
from ml_core.config import project_root
from ml_core.worker.messages import read_message, write_message

_STOP_SECONDS = 10.0


class KeptProcesses:
    """A process for each package, started when it is first called; packages never meet in one."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def run(self, *command: str) -> str:
        """Run ``python -m <command>``; return what it wrote to its output, or raise ``CommandFailed``."""
        process = self._running(command[0])
        alarm = threading.Timer(DEADLINE_SECONDS, process.kill)
        alarm.daemon = True
        alarm.start()
        try:
            write_message(cast(BinaryIO, process.stdin), list(command))
            answer: dict[str, Any] | None = read_message(cast(BinaryIO, process.stdout))
        except BrokenPipeError:
            answer = None
        finally:
            alarm.cancel()
        if answer is None:
            self._end(command[0])
            raise CommandFailed(f"{' '.join(command[:4])} ended without an answer, or not within {DEADLINE_SECONDS} s")
        if answer["code"] != 0:
            raise failure(command, answer["code"], answer["output"], answer["errors"])
        return str(answer["output"])

    def close(self) -> None:
        """End all of them."""
        for package in list(self._processes):
            self._end(package)

    def _running(self, package: str) -> subprocess.Popen[bytes]:
        if package not in self._processes:
            self._processes[package] = subprocess.Popen(
                [sys.executable, "-m", "ml_core.jobs.command_process"],
                cwd=project_root(),
                env={**suite_environ(), **self._environ},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        return self._processes[package]

    def _end(self, package: str) -> None:
        """Close the input of a process, at which it ends, and wait for it."""
        process = self._processes.pop(package)
        try:
            process.communicate(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


@contextmanager
def kept_processes(environ: Mapping[str, str]) -> Iterator[KeptProcesses]:
    """Give processes with ``environ`` beside the environment; they are ended with the block."""
    processes = KeptProcesses(environ)
    try:
        yield processes
    finally:
        processes.close()
