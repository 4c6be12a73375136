"""Pid files, and processes told apart by their start time."""

from __future__ import annotations

import os

from ml_core.launcher.pid_files import Record, read_record
from ml_core.launcher.proc import process_state
from tests.unit.ml_core.launcher.conftest import Platform


def test_a_process_is_known_by_its_start_time() -> None:
    own = process_state(os.getpid())
    assert own is not None
    assert Record(own.pid, own.start_ticks, 1).is_running()
    assert not Record(own.pid, own.start_ticks + 1, 1).is_running()


def test_a_pid_file_is_whole_or_not_there(platform: Platform) -> None:
    platform.start()
    assert sorted(path.name for path in platform.run_folder.iterdir()) == ["launcher.lock", "models.pid", "monitor.pid"]
    assert read_record(platform.run_folder, "monitor") == platform.records()["monitor"]
