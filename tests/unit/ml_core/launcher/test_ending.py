"""Ending one process, beside what test_stop shows."""

from __future__ import annotations

import subprocess
import sys

from ml_core.launcher.ending import end
from ml_core.launcher.pid_files import Record
from ml_core.launcher.proc import process_state


def test_a_process_that_shares_our_group_is_ended_alone() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        state = process_state(process.pid)
        assert state is not None
        assert not end(Record(process.pid, state.start_ticks, 1))
        assert process.wait() < 0
