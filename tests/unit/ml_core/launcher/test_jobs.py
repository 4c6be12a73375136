"""Who calls the jobs of a platform: its schedule, unless cron does or nobody is to."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_core.config import project_root
from ml_core.errors import ConfigurationError
from ml_core.jobs.cron_block import cron_block
from ml_core.launcher.checks import check_ports
from ml_core.launcher.health import unready
from ml_core.launcher.jobs import job_programs
from ml_core.settings import JobsSettings, ResponseTimeSettings, Settings


def names(**changes: object) -> list[str]:
    return [program.name for program in job_programs(Settings(**changes))]  # type: ignore[arg-type]


@pytest.fixture
def crontab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that the program ``crontab`` shows as the user's."""
    program = tmp_path / "bin" / "crontab"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec cat "{tmp_path}/crontab"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return tmp_path / "crontab"


def test_a_schedule_is_part_of_the_platform_unless_it_is_not_wanted(crontab: Path) -> None:
    assert names() == ["controller", "schedule"]
    assert names(jobs=JobsSettings(schedule=False)) == []


def test_where_cron_calls_the_jobs_there_is_no_schedule(crontab: Path) -> None:
    crontab.write_bytes(b"0 3 * * * true\n" + cron_block(["* * * * * true"], project_root()))
    assert names() == ["controller"]
    crontab.write_bytes(cron_block(["* * * * * true"], Path("/srv/another")))
    assert names() == ["controller", "schedule"]


def test_the_made_up_controller_is_for_the_job_that_asks_it(crontab: Path, tmp_path: Path) -> None:
    assert names(jobs=JobsSettings(off=("ART_forecasting",))) == ["schedule"]
    assert names(response_time=ResponseTimeSettings(csv_file="/srv/hours.csv")) == ["schedule"]
    for address, expected in (
        ("https://monitor.example/controller/api/oauth/access_token", ["schedule"]),
        ("http://localhost:8090/controller/api/oauth/access_token", ["controller", "schedule"]),
        ("", ["schedule"]),
    ):
        (tmp_path / "mine.yml").write_text(f"client_creds:\n  geturl: '{address}'\n")
        assert names(response_time=ResponseTimeSettings(config_file=str(tmp_path / "mine.yml"))) == expected
    assert names(response_time=ResponseTimeSettings(config_file="/nowhere.yml")) == ["schedule"]


def test_the_port_alone_moves_the_made_up_controller_unless_the_file_names_another(
    crontab: Path, tmp_path: Path
) -> None:
    assert names(response_time=ResponseTimeSettings(simulator_port=18090)) == ["controller", "schedule"]
    explicit = tmp_path / "mine.yml"
    explicit.write_text("client_creds:\n  geturl: http://127.0.0.1:8090/controller/api/oauth/access_token\n")
    moved = ResponseTimeSettings(simulator_port=18090, config_file=str(explicit))
    assert names(response_time=moved) == ["schedule"]


def test_a_wrong_job_stops_the_start(crontab: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"jobs\.off"):
        names(jobs=JobsSettings(off=("nonsense",)))


def test_a_schedule_listens_nowhere_and_is_ready_when_it_runs(crontab: Path) -> None:
    controller, schedule = job_programs(Settings())
    check_ports([schedule, schedule], [schedule])
    assert unready(schedule) is None
    assert schedule.address == ""
    assert (controller.port_variable, controller.port) == ("ML_RESPONSE_TIME__SIMULATOR_PORT", 8090)
