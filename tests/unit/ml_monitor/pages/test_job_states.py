from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from ml_core.records import JobRun, RunState
from ml_monitor.pages.job_states import job_state
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
