"""Starting one process, beside what test_start shows."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ml_core.launcher.errors import LauncherError
from ml_core.launcher.proc import listener
from ml_core.launcher.processes import launch
from ml_core.launcher.programs import Program
from tests.unit.ml_core.launcher.conftest import Platform


def test_an_app_whose_pid_file_cannot_be_written_is_not_left_running(platform: Platform) -> None:
    monitor, _ = platform.apps
    platform.log_folder.mkdir()
    with pytest.raises(LauncherError, match="cannot write the pid file of monitor"):
        launch(monitor, platform.folder / "absent", platform.log_folder)
    assert listener(monitor.port) is None


def test_a_program_finds_its_files_and_its_environment(tmp_path: Path) -> None:
    config = tmp_path / "new" / "config"
    code = f"import os; print(open({str(config)!r}).read(), os.environ['COLOUR'], flush=True)"
    program = Program(
        name="other",
        section="other",
        host="127.0.0.1",
        port=1,
        command=(sys.executable, "-c", code),
        files={config: "token"},
        environment={"COLOUR": "green"},
    )
    for _ in range(2):  # what an earlier start has written is in nobody's way
        started = launch(program, tmp_path, tmp_path)
        assert started.popen.wait(20) == 0
        assert started.log_tail() == "token green"
        assert config.stat().st_mode & 0o777 == 0o600
