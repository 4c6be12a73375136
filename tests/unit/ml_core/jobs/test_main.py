from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from ml_core.clock import Clock
from ml_core.jobs.__main__ import main
from ml_core.jobs.suite_jobs import SUITE_JOBS
from ml_core.store.json_store import JsonStore
from tests.factories import NOON

MINUTE = timedelta(minutes=1)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("ML_STORE_URL", f"json:///{tmp_path / 'store'}")
    return CliRunner()


def finish(store: JsonStore, job: str, hours: int, state: str = "done", message: str | None = None) -> None:
    slot = NOON + timedelta(hours=hours)
    lease = store.claim_run(job, slot, now=slot, lease=MINUTE, holder="host:1")
    assert lease is not None
    ended = store.finish_run(lease, now=slot + 3 * MINUTE, state=state, message=message, log_tail="one\ntwo")  # type: ignore[arg-type]
    assert ended


def test_jobs_that_never_ran_are_listed_too(command: CliRunner) -> None:
    lines = command.invoke(main, ["list"]).output.splitlines()
    assert [line.split() for line in lines] == [[name, "never", "ran"] for name in SUITE_JOBS]


def test_a_job_whose_calls_have_stopped_tells_how_many_it_missed(command: CliRunner, json_store: JsonStore) -> None:
    now = Clock().now()
    for job, hours in (("monitor-check", 1), ("store-retain", 24 * 200), ("ART_forecasting", 0)):
        slot = now - hours * 60 * MINUTE
        assert json_store.claim_run(job, slot, now=slot, lease=MINUTE, holder="host:1")
    lines = {line.split()[0]: line for line in command.invoke(main, ["list"]).output.splitlines()}
    number = re.search(
        r"; (\d+) calls missed since: does cron or the schedule still call it\?$", lines["monitor-check"]
    )
    assert number is not None and int(number[1]) in (11, 12)
    assert "; 100 or more calls missed since" in lines["store-retain"]
    assert "missed" not in lines["ART_forecasting"]


def test_each_job_is_listed_with_its_newest_run(command: CliRunner, json_store: JsonStore) -> None:
    finish(json_store, "check", 0)
    finish(json_store, "check", 1, "failed", "the store was away")
    finish(json_store, "fetch", 0, message="12 series")
    lines = command.invoke(main, ["list"]).output.splitlines()
    assert lines[:2] == [
        "check                    2026-11-20 13:00  failed in 180.0 s: the store was away",
        "fetch                    2026-11-20 12:00  done in 180.0 s: 12 series",
    ]


def test_the_history_shows_runs_with_their_logs(command: CliRunner, json_store: JsonStore) -> None:
    for hours in range(3):
        finish(json_store, "check", hours)
    lines = command.invoke(main, ["history", "check", "--newest", "2", "--logs"]).output.splitlines()
    assert lines[0] == "2026-11-20 13:00  done in 180.0 s"
    assert lines[1:3] == ["    one", "    two"]
    assert len(lines) == 6


def test_a_run_whose_lease_ran_out_is_shown_as_lost(command: CliRunner, json_store: JsonStore) -> None:
    json_store.claim_run("check", NOON, now=NOON - timedelta(days=9999), lease=MINUTE, holder="host:1")
    assert "lost: its process ended or stalled" in command.invoke(main, ["list"]).output
    json_store.claim_run("check", NOON, now=Clock().now(), lease=MINUTE, holder="host:2")
    assert "running on host:2, attempt 2" in command.invoke(main, ["list"]).output


def test_an_unknown_job_is_told_in_one_line(command: CliRunner) -> None:
    result = command.invoke(main, ["history", "nothing"])
    assert result.exit_code == 1
    assert result.output == (
        "error: job 'nothing' has not run yet; python -m ml_core.jobs list shows those that have\n"
    )


def test_a_job_is_not_run_under_a_name_that_none_can_have(command: CliRunner, tmp_path: Path) -> None:
    result = command.invoke(main, ["run", "../../elsewhere", "ml_core.store", "stats"])
    assert result.exit_code == 1
    assert result.stderr.startswith("error: NAME: expected 1 to 64 letters") and not list(tmp_path.iterdir())


@pytest.mark.parametrize("time", ["yesterday", "2026-11-20T12:00:00"])
def test_a_job_that_was_asked_for_at_what_is_no_time_does_not_run(command: CliRunner, time: str) -> None:
    result = command.invoke(main, ["now", time, "ml_core.no_such_module"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error: TIME: expected a") and result.stderr.count("\n") == 1
