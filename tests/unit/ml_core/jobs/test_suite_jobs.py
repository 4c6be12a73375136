"""The table of jobs, and the files under ``deploy`` that are made of it."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from ml_core.config import project_root
from ml_core.jobs.known_jobs import KnownJob, parse_crontab
from ml_core.jobs.suite_jobs import SUITE_JOBS
from ml_core.jobs.unit_commands import example_crontab, example_units
from ml_core.jobs.wanted_jobs import starts_itself
from ml_core.settings import Settings

DEPLOY = project_root() / "deploy"
ADVICE = "bring it up to date: python -m ml_core.jobs write-examples"


def test_the_example_crontab_is_the_table() -> None:
    assert (DEPLOY / "crontab.example").read_text() == example_crontab(), ADVICE
    read = parse_crontab(example_crontab())
    assert list(read) == list(SUITE_JOBS)
    for name, job in SUITE_JOBS.items():
        found = read[name]
        assert (found.fields, found.module, found.arguments) == (job.fields, job.module, job.arguments)
        assert found.description == job.description
        assert not found.needs_shell


def test_the_example_units_are_the_table() -> None:
    written = {path.name: path.read_text() for path in (DEPLOY / "systemd").iterdir()}
    assert written == example_units(), ADVICE


def test_every_job_is_documented_with_its_times_and_purpose() -> None:
    text = (project_root() / "docs" / "operations.md").read_text()
    for name, job in SUITE_JOBS.items():
        assert f"| `{name}` | `{job.fields}` | {job.description} |" in text


@pytest.mark.parametrize("job", SUITE_JOBS.values(), ids=list(SUITE_JOBS))
def test_every_job_has_a_name_a_purpose_and_a_command_that_is_there(job: KnownJob) -> None:
    assert job.name.replace("-", "").replace("_", "").isalnum()
    assert job.description and not job.description.endswith(".")
    modules = [job.module, *(job.arguments[2:3] if job.module == "ml_core.jobs" else ())]
    assert all(find_spec(module) for module in modules)


def test_jobs_that_an_app_starts_are_left_to_it_while_its_setting_says_so() -> None:
    settings = Settings()
    own = [name for name, job in SUITE_JOBS.items() if starts_itself(job, settings)]
    assert own == ["cloudwatch-fetch", "cloudwatch-forecast", "cloudwatch-train", "cloudwatch-report"]
    without = settings.model_copy(update={"cloudwatch": settings.cloudwatch.model_copy(update={"schedule": False})})
    assert not any(starts_itself(job, without) for job in SUITE_JOBS.values())
