"""What the kernel tells of processes and sockets."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

from ml_core.launcher.proc import environment_value, group_members, listener, process_state, session_members
from tests.unit.ml_core.launcher.conftest import free_port


def test_a_process_that_only_waits_to_be_reaped_does_not_run() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert process_state(process.pid) is not None
        process.communicate(b"\n")
    assert process_state(process.pid) is None


def test_a_name_with_brackets_and_spaces_does_not_confuse() -> None:
    renamed = threading.Event()
    ended = threading.Event()

    def run() -> None:
        # A thread has a stat file of its own, by which a name can be tried out without renaming the test process.
        Path(f"/proc/self/task/{threading.get_native_id()}/comm").write_text("a) Z (b")
        renamed.set()
        ended.wait(10)

    thread = threading.Thread(target=run)
    thread.start()
    assert renamed.wait(10)
    state = process_state(thread.native_id or 0)
    ended.set()
    thread.join()
    assert state is not None
    assert state.group == os.getpgrp()


def test_the_members_of_a_group_are_found() -> None:
    assert os.getpid() in group_members(os.getpgrp())


def test_who_listens_on_a_port_is_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = listener(server.getsockname()[1])
    assert found is not None
    assert found[0] == os.getpid()


def test_nobody_is_found_on_a_free_port() -> None:
    assert listener(free_port()) is None


def test_what_a_process_was_started_with_is_found() -> None:
    code = "print('up', flush=True); input()"
    environment = {"A": "1=2", "AB": "3"}
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()  # before that, the kernel may still be making the process
        found = [environment_value(other.pid, name) for name in ("A", "AB", "B")]
        other.communicate(b"\n")
    assert found == ["1=2", "3", None]
    assert environment_value(other.pid, "A") is None


def test_the_members_of_a_session_are_found() -> None:
    assert os.getpid() in session_members(os.getsid(0))
