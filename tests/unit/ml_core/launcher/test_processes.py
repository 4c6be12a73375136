"""Starting one process, beside what test_start shows."""

from __future__ import annotations

import pytest

from ml_core.launcher.errors import LauncherError
from ml_core.launcher.proc import listener
from ml_core.launcher.processes import launch
from tests.unit.ml_core.launcher.conftest import Platform


def test_an_app_whose_pid_file_cannot_be_written_is_not_left_running(platform: Platform) -> None:
    monitor, _ = platform.apps
    platform.log_folder.mkdir()
    with pytest.raises(LauncherError, match="cannot write the pid file of monitor"):
        launch(monitor, platform.folder / "absent", platform.log_folder)
    assert listener(monitor.port) is None
