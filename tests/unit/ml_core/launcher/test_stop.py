"""Stopping: exactly the recorded processes, and their helpers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from ml_core.launcher.errors import LauncherError
from ml_core.launcher.health import unready
from ml_core.launcher.proc import process_state
from ml_core.launcher.stop import stop
from tests.unit.ml_core.launcher.conftest import Platform


def test_stop_ends_all_apps_and_removes_their_pid_files(platform: Platform, capsys: pytest.CaptureFixture[str]) -> None:
    platform.start()
    records = platform.records()
    capsys.readouterr()
    stop(platform.settings)
    assert capsys.readouterr().out.splitlines() == [
        f"stopped models (pid {records['models'].pid})",
        f"stopped monitor (pid {records['monitor'].pid})",
    ]
    assert not any(record.is_running() for record in records.values())
    assert list(platform.run_folder.glob("*.pid")) == []
    assert all(unready(app) is not None for app in platform.apps)


def test_only_the_named_are_stopped(platform: Platform, capsys: pytest.CaptureFixture[str]) -> None:
    platform.start()
    monitor, models = platform.apps
    capsys.readouterr()
    stop(platform.settings, ["models"])
    assert capsys.readouterr().out.startswith("stopped models")
    assert unready(monitor) is None
    assert unready(models) is not None
    stop(platform.settings, ["ml_models"])
    assert capsys.readouterr().out == "nothing to stop\n"
    assert unready(monitor) is None


def test_an_unknown_name_is_refused_before_anything_is_stopped(platform: Platform) -> None:
    with pytest.raises(LauncherError, match=r"there is no montor to stop: expected one of .*monitor.*controller"):
        stop(platform.settings, ["montor"])
    platform.start()
    with pytest.raises(LauncherError, match="there is no montor to stop"):
        stop(platform.settings, ["models", "montor"])
    assert all(unready(app) is None for app in platform.apps)


def test_what_is_known_but_not_started_is_nothing_to_stop(
    platform: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("schedule", "prometheus", "jupyter"):
        stop(platform.settings, [name])
        assert capsys.readouterr().out == "nothing to stop\n"


def test_the_spared_go_on(platform: Platform) -> None:
    platform.start()
    monitor, models = platform.apps
    stop(platform.settings, spared=["monitor"])
    assert unready(monitor) is None
    assert unready(models) is not None


def test_there_is_nothing_to_stop_before_the_first_start(
    platform: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    stop(platform.settings)
    assert capsys.readouterr().out == "nothing to stop\n"
    assert not platform.run_folder.exists()


def test_there_is_nothing_to_stop_after_a_stop(platform: Platform, capsys: pytest.CaptureFixture[str]) -> None:
    platform.start()
    stop(platform.settings)
    capsys.readouterr()
    stop(platform.settings)
    assert capsys.readouterr().out == "nothing to stop\n"


def test_an_app_that_ended_by_itself_is_only_forgotten(platform: Platform, capsys: pytest.CaptureFixture[str]) -> None:
    platform.start()
    pid = platform.records()["models"].pid
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    capsys.readouterr()
    stop(platform.settings)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"models had ended by itself (pid {pid}); its pid file is removed"
    assert lines[1].startswith("stopped monitor")


def test_what_a_killed_app_has_left_behind_is_stopped(
    platform: Platform, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    helper = tmp_path / "helper"
    platform.conduct(platform.apps[0], helper=str(helper))
    platform.start()
    pid = platform.records()["monitor"].pid
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    stop(platform.settings)
    left = int(helper.read_text())
    assert f"monitor was killed; stopped what it had left behind (pid {left})" in capsys.readouterr().out
    assert process_state(left) is None


def test_a_session_that_was_not_started_for_this_pid_file_is_not_touched(platform: Platform) -> None:
    platform.run_folder.mkdir()
    # A leader that ends at once and leaves a process in its session.
    leader = subprocess.run(
        ["sh", "-c", "sleep 60 >/dev/null & echo $$ $!"], stdout=subprocess.PIPE, start_new_session=True, check=True
    )
    session, left = (int(word) for word in leader.stdout.split())
    record = {"pid": session, "start_ticks": 1, "port": 5001}
    (platform.run_folder / "monitor.pid").write_text(json.dumps(record))
    stop(platform.settings)
    assert process_state(left) is not None
    os.kill(left, signal.SIGKILL)


def test_a_process_that_has_got_a_recorded_pid_is_not_touched(
    platform: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    platform.run_folder.mkdir()
    reused = {"pid": os.getpid(), "start_ticks": 1, "port": 5001}
    (platform.run_folder / "monitor.pid").write_text(json.dumps(reused))
    stop(platform.settings)
    assert "monitor had ended by itself" in capsys.readouterr().out
    assert not (platform.run_folder / "monitor.pid").exists()


@pytest.mark.parametrize("content", ["", "12", "[1]", '{"pid": 1}', '{"pid": true, "start_ticks": 1, "port": 1}'])
def test_a_pid_file_that_is_not_ours_is_left_alone(platform: Platform, content: str) -> None:
    platform.run_folder.mkdir()
    (platform.run_folder / "other.pid").write_text(content)
    stop(platform.settings)
    assert (platform.run_folder / "other.pid").read_text() == content


def test_an_app_that_does_not_heed_is_killed(platform: Platform, capsys: pytest.CaptureFixture[str]) -> None:
    platform.conduct(platform.apps[0], stubborn=True)
    platform.start()
    record = platform.records()["monitor"]
    stop(platform.settings, grace_seconds=0.2)
    assert f"stopped monitor (pid {record.pid}, by SIGKILL)" in capsys.readouterr().out
    assert not record.is_running()


def test_a_helper_that_an_app_leaves_behind_is_killed_with_it(platform: Platform, tmp_path: Path) -> None:
    helper = tmp_path / "helper"
    platform.conduct(platform.apps[0], helper=str(helper))
    platform.start()
    stop(platform.settings, grace_seconds=0.2)
    assert process_state(int(helper.read_text())) is None
