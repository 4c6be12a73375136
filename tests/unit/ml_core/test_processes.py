"""A child process ends when it is told to, or is ended; a free port can be listened on."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import pytest

from ml_core.processes import end_process, free_port, this_process

DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "


@pytest.mark.parametrize(("before", "ended_by"), [("", signal.SIGTERM), (DEAF, signal.SIGKILL)])
def test_a_child_that_does_not_hear_is_killed(before: str, ended_by: signal.Signals) -> None:
    code = f"{before}print('ready', flush=True); import time; time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"
        end_process(process, 0.3 if before else 30)
        assert process.returncode == -ended_by


def test_a_child_that_has_ended_keeps_its_code() -> None:
    with subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"]) as process:
        process.wait()
        end_process(process, 1)
        assert process.returncode == 3


def test_a_free_port_can_be_listened_on() -> None:
    with socket.create_server(("127.0.0.1", free_port())):
        pass


def test_this_process_is_known_by_its_host_and_id() -> None:
    assert this_process() == f"{socket.gethostname()}:{os.getpid()}"
