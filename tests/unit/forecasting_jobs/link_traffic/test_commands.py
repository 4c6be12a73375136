"""The commands, as a person calls them."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from forecasting_jobs.__main__ import main
from forecasting_jobs.link_traffic.doors import link_traffic
from ml_core.clock import Clock
from ml_core.store.json_store import JsonStore

UNTIL = "2026-11-20T00:00:00Z"


@pytest.fixture(autouse=True)
def _settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ML_STORE_URL", f"json:///{tmp_path / 'store'}")
    monkeypatch.setenv("ML_ARTIFACTS_FOLDER", str(tmp_path / "artifacts"))


def called(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["link-traffic", *(str(argument) for argument in arguments)])


def test_the_steps_are_listed_and_each_has_help() -> None:
    names = link_traffic.list_commands(None)  # type: ignore[arg-type]
    steps = ["clean", "eda", "experiments", "generate", "train"]
    assert names == sorted([*steps, "check-model", "get-predictions", "retrain"])
    listed = called("--help").output
    assert all(name in listed for name in names)
    assert all(called(name, "--help").exit_code == 0 for name in names)


@pytest.mark.parametrize(("command", "job"), [("get-predictions", "get_preds"), ("check-model", "check_model")])
def test_a_job_that_has_no_model_to_serve_yet_says_so_in_its_history_and_does_not_fail(
    command: str, job: str, tmp_path: Path
) -> None:
    done = called(command)
    assert done.exit_code == 0 and "no model of link traffic is served yet" in done.output
    (run,) = JsonStore(tmp_path / "store").list_runs(job, newest=5)
    assert (run.state, run.message) == ("done", "no model of link traffic is served yet")


def test_a_step_that_was_named_and_is_not_served_is_refused() -> None:
    done = called("get-predictions", "--step", "hourly")
    assert done.exit_code == 1 and "--step: no model of link traffic is served yet" in done.output


def test_raw_rows_are_generated_cleaned_and_looked_at(tmp_path: Path) -> None:
    raw, clean, report = tmp_path / "raw.csv", tmp_path / "out" / "clean.csv", tmp_path / "report"
    done = called("generate", "--raw", "--step", "hourly", "--days", 8, "--until", UNTIL, "--output", raw)
    assert done.exit_code == 0 and "rows written to" in done.output
    done = called("clean", "--input", raw, "--output", clean)
    assert done.exit_code == 0 and "dropped field mtu: a single value" in done.output
    written = json.loads((tmp_path / "out" / "clean.report.json").read_text())
    assert written["rows_written"] == len(pd.read_csv(clean))
    done = called("eda", "--input", clean, "--output", report)
    assert done.exit_code == 0, done.output
    assert "dropped link Probe at UK-LD4: no distribution" in done.output
    kept = pd.read_csv(report / "kept.csv")
    assert "Probe" not in set(kept["link"]) and "Verizon" in set(kept["link"])
    assert {path.suffix for path in report.iterdir()} == {".html", ".png", ".csv"}


def test_a_change_can_be_asked_for(tmp_path: Path) -> None:
    for name, more in (("plain", ()), ("changed", ("--change", "2026-11-19T12:00:00Z"))):
        called("generate", "--days", 2, "--until", UNTIL, "--output", tmp_path / f"{name}.csv", *more)
    plain, changed = (pd.read_csv(tmp_path / f"{name}.csv") for name in ("plain", "changed"))
    differ = plain["rx_gbs"] != changed["rx_gbs"]
    assert differ.any() and plain.loc[differ, "time"].min() == "2026-11-19 12:00:00"


@pytest.mark.deep
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_file_of_hours_trains_the_hourly_model_and_shows_its_progress(tmp_path: Path) -> None:
    called("generate", "--days", 16, "--until", UNTIL, "--output", tmp_path / "hours.csv")
    done = called("train", "--input", tmp_path / "hours.csv", "--epochs", 1)
    assert done.exit_code == 0, done.output
    assert "hourly: epoch 1 of 1, loss" in done.stderr and "5min" not in done.output
    assert done.stdout.startswith("link_traffic_hourly version 1: ")
    store = JsonStore(tmp_path / "store")
    (version,) = store.list_versions("link_traffic_hourly")
    store.close()
    assert version.lineage["data_source"] == "hours.csv"
    assert abs((version.created_time - Clock().now()).total_seconds()) < 600


def test_a_file_without_short_steps_trains_no_model_of_them(tmp_path: Path) -> None:
    called("generate", "--days", 2, "--until", UNTIL, "--output", tmp_path / "hours.csv")
    done = called("train", "--input", tmp_path / "hours.csv", "--step", "5min")
    assert done.exit_code == 1
    assert done.stderr == "error: --step: hours.csv has no times close enough for 5min\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("generate", "--output", "x.csv", "--until", "noon"), "--until: expected an ISO 8601 time"),
        (("clean", "--input", "nowhere.csv", "--output", "x.csv"), "nowhere.csv: cannot be read: No such file"),
        (("train", "--input", "nowhere.csv"), "nowhere.csv: cannot be read: No such file"),
        (("eda", "--input", "nowhere.csv", "--output", "x"), "nowhere.csv: cannot be read: No such file"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(arguments: tuple[str, ...], message: str) -> None:
    done = called(*arguments)
    assert done.exit_code == 1 and done.stderr.startswith("error: ") and message in done.stderr


def test_experiments_refuse_a_folder_of_files_before_they_train(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "file:///srv/mlruns")
    done = called("experiments", "--days", 16)
    assert done.exit_code == 1
    assert done.stderr.startswith("error: MLFLOW_TRACKING_URI: expected a database, as sqlite")
