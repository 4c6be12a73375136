"""The cron commands, each as a person or cron would call it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from cloudwatch_engine import asked_jobs
from cloudwatch_engine.__main__ import main
from ml_core.clock import Clock
from ml_core.store.json_store import JsonStore
from tests.factories import an_observation
from tests.processes import own_folders

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command on a store of the test's own."""
    for name, value in own_folders(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ML_CLOUDWATCH__HISTORY_DAYS", "2")
    monkeypatch.setenv("ML_CLOUDWATCH__HORIZON_STEPS", "6")
    return lambda *arguments: CliRunner().invoke(main, arguments)


def runs_of(folder: Path, job: str) -> list[str]:
    store = JsonStore(folder / "store")
    states = [f"{run.state}: {run.message}" for run in store.list_runs(job, newest=10)]
    store.close()
    return states


def test_one_cycle_brings_an_empty_store_to_a_forecast(run: Run, tmp_path: Path) -> None:
    assert run("run", "--without-training").exit_code == 0
    (fetched,) = runs_of(tmp_path, "cloudwatch-fetch")
    assert fetched.startswith("done: 4 series: 2,")
    assert runs_of(tmp_path, "cloudwatch-forecast") == ["done: 1 instance forecast"]
    assert runs_of(tmp_path, "cloudwatch-report") == ["done: nothing sent: no mail server is set (mail.host)"]
    assert runs_of(tmp_path, "cloudwatch-train") == []
    assert {path.name for path in (tmp_path / "cloudwatch").iterdir()} == {
        "data.csv",
        "predictions.json",
        "results.json",
    }


def test_each_job_runs_by_its_own_command_once_a_slot(run: Run, tmp_path: Path) -> None:
    for _ in range(2):
        for command in ("fetch", "forecast", "report"):
            assert run(command).exit_code == 0
    for job in ("cloudwatch-fetch", "cloudwatch-forecast", "cloudwatch-report"):
        assert 1 <= len(runs_of(tmp_path, job)) <= 2  # two only if a slot of five minutes ended in between


def test_a_region_that_there_is_not_fails_the_fetch_and_is_told(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ML_CLOUDWATCH__SOURCE", "aws")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "no region")
    assert run("fetch").exit_code == 1
    (fetched,) = runs_of(tmp_path, "cloudwatch-fetch")
    assert fetched.startswith("failed: AWS cannot be called: Provided region_name")


def test_one_instance_is_trained_at_once_by_the_models_named(run: Run) -> None:
    run("fetch")
    result = run("train", "--instance", "i-generated", "--model", "naive", "--model", "seasonal-naive")
    assert result.output.endswith("is served, version 1\n")
    assert "error: --model: expected one of" in run("train", "--instance", "i-generated", "--model", "gru").output
    assert run("train", "--instance", "i-none").output.startswith("error: no metrics of i-none are known")


def test_an_instance_that_fails_does_not_stop_the_others(run: Run, tmp_path: Path) -> None:
    run("fetch")
    store = JsonStore(tmp_path / "store")
    now = Clock().now().replace(microsecond=0)
    store.record_observations("cloudwatch/i-new/CPUUtilization", [an_observation(now)])
    store.close()
    assert run("forecast").exit_code == 1
    (state,) = runs_of(tmp_path, "cloudwatch-forecast")
    assert state.startswith("failed: i-new: series: expected at least 24 points")
    assert orjson.loads((tmp_path / "cloudwatch" / "predictions.json").read_bytes())["prediction"]


def test_what_people_asked_for_is_done(run: Run, tmp_path: Path) -> None:
    run("fetch")
    store = JsonStore(tmp_path / "store")
    job = asked_jobs.ask(store, Clock(), instance="i-none", file=None)
    result = run("train", "--asked")
    assert "1 asked for and done" in result.output
    assert asked_jobs.read(store, job["job"], Clock().now())["message"] == "no metrics of i-none are known"
    store.close()


def test_every_command_has_its_line_in_the_help(run: Run) -> None:
    text = run("--help").output
    for command in ("serve", "run", "fetch", "forecast", "train", "report", "push-memory"):
        assert f"  {command} " in text
