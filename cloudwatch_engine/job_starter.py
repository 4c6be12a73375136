"""Starts the process that works off what people ask for, on behalf of a web process, and never more than one."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Sequence

from ml_core.config import project_root

log = logging.getLogger(__name__)
COMMAND = (sys.executable, "-m", "cloudwatch_engine", "train", "--asked")


class JobStarter:
    """One process at a time; when it has ended, another if something was asked for meanwhile."""

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._command = command
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._again = False

    def start(self) -> None:
        """See to it that a process looks for work after this call; return at once."""
        with self._lock:
            self._again = True
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="asked jobs", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """End the process; what it was at is lost, what waits is done by the next one."""
        with self._lock:
            self._again = False
            process, thread = self._process, self._thread
        if process is not None:
            process.terminate()
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._again:
                    self._thread = self._process = None
                    return
                self._again = False
                self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, cwd=project_root())
            code = self._process.wait()
            if code != 0:
                log.error("the process for asked jobs ended with %d", code)
