"""The commands, as a person or cron calls them, against a made-up controller that is a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from forecasting_jobs.__main__ import main
from forecasting_jobs.response_time.controller_config import TOKEN_PATH
from tests.factories import NOON
from tests.simulated_controller import clock_offset, simulated_controller

COMMANDS = (
    "backfill",
    "create-tables",
    "doctor",
    "fetch",
    "forecast",
    "hourly",
    "refresh",
    "simulate-controller",
    "train",
)
NOW = NOON + timedelta(minutes=7)


@pytest.fixture(scope="module")
def controller_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The made-up controller, as the command starts it, at a time near noon."""
    with simulated_controller(NOW) as url:
        yield url


@pytest.fixture(autouse=True)
def _environment(controller_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "appdynamics-config.yml"
    creds = {"client_id": "suite@simulator", "geturl": f"{controller_url}{TOKEN_PATH}"}
    path.write_text(yaml.safe_dump({"client_creds": creds}))
    for name, value in {
        "STORE_URL": f"json:///{tmp_path / 'store'}",
        "ARTIFACTS_FOLDER": str(tmp_path / "artifacts"),
        "LOG_FOLDER": str(tmp_path / "log"),
        "CLOCK_OFFSET": clock_offset(NOW),
        "RESPONSE_TIME__CONFIG_FILE": str(path),
        "RESPONSE_TIME__CLIENT_SECRET": "of-a-controller-that-is-made-up",
        "RESPONSE_TIME__HISTORY_DAYS": "14",
    }.items():
        monkeypatch.setenv(f"ML_{name}", value)


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["response-time", *arguments], catch_exceptions=False)


def test_every_command_is_listed_and_explains_itself() -> None:
    listed = call("--help").output
    for command in COMMANDS:
        assert command in listed
        assert call(command, "--help").exit_code == 0


def test_the_steps_can_be_called_one_by_one() -> None:
    fetched = call("fetch")
    assert fetched.exit_code == 0 and fetched.output.startswith("8 servers: ")
    trained = call("train", "--trials", "2")
    assert trained.exit_code == 0 and "version" in trained.output and "tuning (0 of 2)" in trained.output
    forecast = call("forecast")
    assert forecast.exit_code == 0
    assert [line.split()[0] for line in forecast.output.splitlines() if line[1:2] == "H"] == [
        f"{step}H" for step in range(1, 7)
    ]
    assert "forecast already" in call("forecast").output
    assert "metric points as of 2026-11-20T12:00:00Z" in call("refresh").output
    doctor = call("doctor")
    assert doctor.exit_code == 1
    assert "no forecast was issued as of 2026-11-20T11:00:00Z" in doctor.output
    assert "hours missing, from" in doctor.output  # the made-up controller loses hours
    filled = call("backfill", "--from", "2026-11-20T08:00:00Z", "--to", "2026-11-20T20:00:00Z")
    assert filled.exit_code == 0
    assert "3 forecasts issued" in filled.output
    assert "as of 2026-11-20T11:00:00Z" not in call("doctor").output


def test_what_cannot_be_done_ends_with_one_line_and_status_1(monkeypatch: pytest.MonkeyPatch) -> None:
    for arguments, message in (
        (("forecast",), "fetch it first"),
        (("backfill", "--from", "yesterday", "--to", "2026-11-20T20:00:00Z"), "--from: expected an ISO 8601 time"),
        (("backfill", "--from", "2026-11-20T12:00:00Z", "--to", "2026-11-20T20:00:00Z"), "hours that are over"),
    ):
        result = call(*arguments)
        assert result.exit_code == 1
        assert message in result.output and result.output.count("error: ") == 1
    monkeypatch.setenv("ML_RESPONSE_TIME__CLIENT_SECRET", "another")
    refused = call("hourly")
    assert refused.exit_code == 1
    monkeypatch.setenv("ML_RESPONSE_TIME__CONFIG_FILE", "/no/such/file")
    unknown = call("fetch")
    assert unknown.exit_code == 1 and "response_time.config_file: cannot read" in unknown.output
