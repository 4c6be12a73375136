from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from ml_core.records import JobRun, RunState
from ml_core.store.json_store import JsonStore
from ml_monitor.pages.job_states import job_state, read_job_states
from tests.factories import NOON

HOUR = timedelta(hours=1)


def a_run(hours_ago: float, state: RunState = "done", job: str = "check", **changes: Any) -> JobRun:
    slot = NOON - hours_ago * HOUR
    finished: datetime | None = None if state == "running" else slot + timedelta(seconds=90)
    values: dict[str, Any] = {"lease_until_time": slot + HOUR / 2, "finished_time": finished}
    return JobRun(job, slot, 1, "host", state, slot, **values | changes)


def test_a_job_that_runs_each_hour_is_expected_next_hour() -> None:
    found = job_state([a_run(hours) for hours in (3, 2, 1)], NOON)
    assert (found.state, found.next_time, found.seconds) == ("done", NOON, 90.0)
    assert found.last_slot == NOON - HOUR


@pytest.mark.parametrize(("hours_since", "state"), [(1.4, "done"), (1.6, "silent"), (30, "silent")])
def test_a_job_is_silent_once_it_has_missed_its_time(hours_since: float, state: str) -> None:
    assert job_state([a_run(hours_since + back) for back in (2, 1, 0)], NOON).state == state


def test_a_run_that_failed_or_was_lost_is_a_failed_job() -> None:
    assert job_state([a_run(1, "failed", message="no disk")], NOON).message == "no disk"
    assert job_state([a_run(1, "failed")], NOON).state == "failed"
    assert job_state([a_run(1, "running")], NOON).state == "failed"  # its lease has ended
    assert job_state([a_run(0.1, "running")], NOON).state == "running"


def test_a_job_that_ran_twice_is_not_known_well_enough() -> None:
    found = job_state([a_run(40), a_run(30)], NOON)
    assert (found.state, found.next_time) == ("done", None)


def test_jobs_that_need_a_look_come_first_then_the_next_to_run(json_store: JsonStore) -> None:
    runs = {
        "daily": [a_run(hours, job="daily") for hours in (71, 47, 23)],
        "hourly": [a_run(hours, job="hourly") for hours in (2.5, 1.5, 0.5)],
        "broken": [a_run(1, "failed", job="broken")],
        "gone": [a_run(hours, job="gone") for hours in (9, 8, 7)],
    }
    for job, each in runs.items():
        json_store.put_runs(job, each)
    found = read_job_states(json_store, NOON)
    assert [(job.job, job.state) for job in found] == [
        ("gone", "silent"),
        ("broken", "failed"),
        ("hourly", "done"),
        ("daily", "done"),
    ]
    assert read_job_states(json_store, NOON - 30 * timedelta(days=1))
