"""Requests lead to real processes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from ml_core.clock import Clock
from ml_core.jobs.__main__ import main
from ml_core.jobs.job_requests import list_requests, move_request, request_run
from ml_core.store.json_store import JsonStore

RECORDED = "# counts: count what is stored\n0 3 * * * python -m ml_core.jobs run counts ml_core.store stats\n"
CHECK = "# monitor-check: judge\n*/5 * * * * python -m ml_monitor check\n"


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("ML_STORE_URL", f"json:///{tmp_path / 'store'}")
    monkeypatch.setenv("ML_CRONTAB", str(tmp_path / "crontab"))
    (tmp_path / "crontab").write_text(RECORDED + CHECK + "0 4 * * * python -m ml_core.store backup $(date).gz\n")
    return CliRunner()


def ask(store: JsonStore, job: str) -> None:
    request_run(store, job, author="Ada", now=Clock().now())


def test_what_is_asked_for_is_run_and_kept_in_the_history(command: CliRunner, json_store: JsonStore) -> None:
    ask(json_store, "counts")
    assert command.invoke(main, ["run-requested"]).stdout == "counts: done: ended well\n"
    assert list_requests(json_store)["counts"].state == "done"
    (run,) = json_store.list_runs("counts", newest=5)
    assert run.state == "done"
    assert "predictions" in run.log_tail
    assert command.invoke(main, ["run-requested"]).stdout == ""


def test_a_job_of_its_own_runs_between_two_slots(command: CliRunner, json_store: JsonStore) -> None:
    asked = []
    for _ in range(3):  # the first finds its slot due, as does at most one more if five minutes end meanwhile
        ask(json_store, "monitor-check")
        asked.append(list_requests(json_store)["monitor-check"].requested_time)
        assert command.invoke(main, ["run-requested"]).stdout == "monitor-check: done: ended well\n"
    runs = {run.slot: run for run in json_store.list_runs("monitor-check", newest=5)}
    assert any((slot.minute % 5, slot.second) == (0, 0) for slot in runs)
    between = [runs[time] for time in asked if time in runs]
    assert {run.message for run in between} == {"0 models checked: 0 chunks evaluated, 0 results"}


@pytest.mark.parametrize(
    ("job", "message"),
    [
        ("rm -rf /", "no such job is wanted here"),
        ("ml_core.store backup $(date).gz", "its line in the crontab needs a shell; cron alone runs it"),
    ],
)
def test_what_is_no_wanted_job_or_needs_a_shell_is_refused(
    command: CliRunner, json_store: JsonStore, job: str, message: str
) -> None:
    ask(json_store, job)
    assert command.invoke(main, ["run-requested"]).stdout == f"{job}: refused: {message}\n"
    assert json_store.list_jobs() == []


def test_a_job_that_fails_is_told(command: CliRunner, json_store: JsonStore, tmp_path: Path) -> None:
    (tmp_path / "crontab").write_text(RECORDED.replace("stats", "nonsense"))
    ask(json_store, "counts")
    assert command.invoke(main, ["run-requested"]).stdout == "counts: failed: ended with 1; its log says why\n"
    (run,) = json_store.list_runs("counts", newest=1)
    assert run.state == "failed"
    assert run.message is not None
    assert run.message.startswith("ended with 2: ")
    assert "No such command 'nonsense'" in run.log_tail


def test_what_another_process_has_taken_up_is_left_to_it(command: CliRunner, json_store: JsonStore) -> None:
    ask(json_store, "counts")
    move_request(json_store, list_requests(json_store)["counts"], "running", now=Clock().now())
    assert command.invoke(main, ["run-requested"]).stdout == ""


def test_a_recorded_command_keeps_a_history(command: CliRunner, json_store: JsonStore) -> None:
    first = command.invoke(main, ["run", "counts", "ml_core.store", "stats"])
    assert first.exit_code == 0
    (run,) = json_store.list_runs("counts", newest=1)
    assert run.slot == run.slot.replace(second=0, microsecond=0)
    assert run.started_time - run.slot < timedelta(minutes=1, seconds=1)
