from __future__ import annotations

from pathlib import Path

import pytest

from ml_core.errors import ConfigurationError
from ml_core.jobs.suite_jobs import SUITE_JOBS
from ml_core.jobs.wanted_jobs import called_jobs, wanted_jobs
from ml_core.settings import JobsSettings, Settings


def test_without_settings_all_jobs_of_the_suite_are_wanted() -> None:
    assert wanted_jobs(Settings()) == SUITE_JOBS


def test_those_that_are_off_are_left_out() -> None:
    wanted = wanted_jobs(Settings(jobs=JobsSettings(off=("store-backup", "ART_forecasting"))))
    assert set(SUITE_JOBS) - set(wanted) == {"store-backup", "ART_forecasting"}


def test_a_job_that_is_off_and_none_is_named_with_those_that_are() -> None:
    with pytest.raises(ConfigurationError, match=r"jobs.off: there is no job 'backup': expected monitor-check, "):
        wanted_jobs(Settings(jobs=JobsSettings(off=("backup",))))


def test_a_crontab_of_ones_own_takes_the_place_of_the_table(tmp_path: Path) -> None:
    (tmp_path / "crontab").write_text("# mine: count\n0 3 * * * python -m ml_core.store stats\n")
    assert list(wanted_jobs(Settings(crontab=str(tmp_path / "crontab")))) == ["mine"]


def test_called_are_also_those_that_people_ask_for() -> None:
    assert [job.name for job in called_jobs(SUITE_JOBS.values())] == [*SUITE_JOBS, "run-requested"]


def test_what_needs_a_shell_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "crontab").write_text("# mine: count\n0 3 * * * python -m ml_core.store backup $(date).gz\n")
    with pytest.raises(ConfigurationError, match="the line of mine needs a shell"):
        called_jobs(wanted_jobs(Settings(crontab=str(tmp_path / "crontab"))).values())
