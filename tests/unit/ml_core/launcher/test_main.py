"""The command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from ml_core.launcher.__main__ import main


@pytest.mark.parametrize("command", ["start", "stop", "status"])
def test_a_wrong_setting_is_one_line_and_exit_1(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ML_MONITOR__PRT", "5001")
    result = CliRunner().invoke(main, [command])
    assert result.exit_code == 1
    assert result.stderr == "ML_MONITOR__PRT: there is no setting monitor.prt\n"
    assert result.stdout == ""


def test_stop_with_nothing_running_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ML_RUN_FOLDER", str(tmp_path / "run"))
    result = CliRunner().invoke(main, ["stop"])
    assert (result.exit_code, result.stdout) == (0, "nothing to stop\n")


def test_status_names_every_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ML_RUN_FOLDER", str(tmp_path / "run"))
    result = CliRunner().invoke(main, ["status"])
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["ml_monitor", "stopped"],
        ["ml_models", "stopped"],
        ["anomaly_api", "stopped"],
    ]


@pytest.mark.parametrize("command", ["start", "stop", "status"])
def test_each_command_has_help(command: str) -> None:
    result = CliRunner().invoke(main, [command, "--help"])
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) > 2
