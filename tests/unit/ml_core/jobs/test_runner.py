from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ml_core.clock import Clock, FixedClock
from ml_core.config import project_root
from ml_core.errors import InvalidInput
from ml_core.jobs.runner import ExitCode, Job, run_job
from ml_core.jobs.slots import Missed, Schedule
from ml_core.store.json_store import JsonStore
from tests.factories import NOON

HOUR = timedelta(hours=1)


class Worker:
    """Work that notes the slots it was asked for, and fails for those it is told to."""

    def __init__(self, *failing: datetime) -> None:
        self.slots: list[datetime] = []
        self.failing = failing

    def __call__(self, slot: datetime) -> str:
        self.slots.append(slot)
        if slot in self.failing:
            raise InvalidInput(f"no data for {slot:%H:%M}")
        logging.getLogger("work").warning("worked on %s", f"{slot:%H:%M}")
        return f"{len(self.slots)} so far"


def a_job(work: Callable[[datetime], Any], **changes: Any) -> Job:
    return Job(**{"name": "hourly", "schedule": Schedule(HOUR), "work": work, "missed": "all"} | changes)


def test_the_current_slot_is_run_once(json_store: JsonStore, clock: FixedClock) -> None:
    work = Worker()
    assert run_job(a_job(work), json_store, clock) == ExitCode.DONE
    assert run_job(a_job(work), json_store, clock) == ExitCode.DONE
    assert work.slots == [NOON]
    (run,) = json_store.list_runs("hourly", newest=9)
    assert (run.state, run.message) == ("done", "1 so far")


def test_a_run_keeps_its_log_lines(json_store: JsonStore, clock: FixedClock) -> None:
    run_job(a_job(Worker()), json_store, clock)
    (run,) = json_store.list_runs("hourly", newest=9)
    assert "WARNING work: worked on 12:00" in run.log_tail


def test_missed_slots_are_made_good_oldest_first(json_store: JsonStore, clock: FixedClock) -> None:
    work = Worker()
    run_job(a_job(work), json_store, clock)
    clock.advance(5 * HOUR)
    run_job(a_job(work), json_store, clock)
    assert work.slots == [NOON + hours * HOUR for hours in range(6)]


def test_more_missed_slots_than_the_cap_are_left_for_the_next_run(json_store: JsonStore, clock: FixedClock) -> None:
    work = Worker()
    job = a_job(work, cap=2)
    run_job(job, json_store, clock)
    clock.advance(3 * HOUR)
    run_job(job, json_store, clock)
    assert work.slots[1:] == [NOON + 2 * HOUR, NOON + 3 * HOUR]
    run_job(job, json_store, clock)
    assert work.slots[3:] == [NOON + HOUR]


def test_a_failure_is_recorded_and_the_next_slot_still_tried(json_store: JsonStore, clock: FixedClock) -> None:
    work = Worker()
    run_job(a_job(work), json_store, clock)
    clock.advance(2 * HOUR)
    work.failing = (NOON + HOUR,)
    assert run_job(a_job(work), json_store, clock) == ExitCode.FAILED
    states = {run.slot: (run.state, run.message) for run in json_store.list_runs("hourly", newest=9)}
    assert states[NOON + HOUR] == ("failed", "no data for 13:00")
    assert states[NOON + 2 * HOUR][0] == "done"


def test_a_failed_slot_is_tried_again_by_the_next_run(json_store: JsonStore, clock: FixedClock) -> None:
    work = Worker(NOON)
    assert run_job(a_job(work), json_store, clock) == ExitCode.FAILED
    work.failing = ()
    assert run_job(a_job(work), json_store, clock) == ExitCode.DONE
    assert [(run.fence, run.state) for run in json_store.list_runs("hourly", newest=9)] == [(1, "failed"), (2, "done")]


def test_an_error_nobody_foresaw_is_recorded_with_its_kind(json_store: JsonStore, clock: FixedClock) -> None:
    def work(slot: datetime) -> None:
        raise KeyError("ART_SN00")

    assert run_job(a_job(work), json_store, clock) == ExitCode.FAILED
    (run,) = json_store.list_runs("hourly", newest=9)
    assert run.message == "KeyError: 'ART_SN00'"
    assert "Traceback" in run.log_tail


@pytest.mark.parametrize(("missed", "expected"), [("all", []), ("last", [NOON + 2 * HOUR])])
def test_slots_that_are_all_made_good_wait_for_the_one_before_them(
    json_store: JsonStore, clock: FixedClock, missed: Missed, expected: list[datetime]
) -> None:
    json_store.claim_run("hourly", NOON + HOUR, now=NOON, lease=3 * HOUR, holder="another host")
    clock.advance(2 * HOUR)
    work = Worker()
    code = run_job(a_job(work, missed=missed), json_store, clock)
    assert code == (ExitCode.DONE if expected else ExitCode.HELD_ELSEWHERE)
    assert work.slots == expected


def test_a_slot_held_elsewhere_is_left_alone(json_store: JsonStore, clock: FixedClock) -> None:
    json_store.claim_run("hourly", NOON, now=NOON, lease=HOUR, holder="another host")
    work = Worker()
    assert run_job(a_job(work), json_store, clock) == ExitCode.HELD_ELSEWHERE
    assert work.slots == []


def test_a_run_past_its_deadline_is_stopped_and_failed(json_store: JsonStore) -> None:
    def work(slot: datetime) -> None:
        time.sleep(30)

    started = time.monotonic()
    assert run_job(a_job(work, deadline=timedelta(seconds=0.2)), json_store, Clock()) == ExitCode.FAILED
    assert time.monotonic() - started < 10
    (run,) = json_store.list_runs("hourly", newest=9)
    assert run.message is not None
    assert run.message.startswith("stopped at its deadline")


def test_the_lease_is_renewed_while_the_work_goes_on(json_store: JsonStore) -> None:
    def work(slot: datetime) -> None:
        deadline = time.monotonic() + 10
        (run,) = json_store.list_runs("hourly", newest=9)
        while json_store.list_runs("hourly", newest=9)[0].lease_until_time <= run.lease_until_time + timedelta(
            seconds=1
        ):
            assert time.monotonic() < deadline
            time.sleep(0.02)

    assert run_job(a_job(work, lease=timedelta(seconds=0.6)), json_store, Clock()) == ExitCode.DONE


def test_a_run_whose_lease_was_lost_is_stopped_and_leaves_the_history_to_the_other(json_store: JsonStore) -> None:
    def work(slot: datetime) -> None:
        # As if this process had stalled for a day, and another had taken over meanwhile.
        tomorrow = Clock().now() + timedelta(days=1)
        assert json_store.claim_run("hourly", slot, now=tomorrow, lease=HOUR, holder="another")
        time.sleep(30)

    assert run_job(a_job(work, lease=timedelta(seconds=0.3)), json_store, Clock()) == ExitCode.FAILED
    runs = json_store.list_runs("hourly", newest=9)
    assert [(run.fence, run.state) for run in runs] == [(1, "running"), (2, "running")]


def test_a_run_that_was_killed_is_made_good_after_its_lease(json_store: JsonStore, tmp_path: Path) -> None:
    script = f"""
import os, signal
from datetime import timedelta
from pathlib import Path
from ml_core.clock import Clock
from ml_core.jobs.runner import Job, run_job
from ml_core.jobs.slots import Missed, Schedule
from ml_core.store.json_store import JsonStore
work = lambda slot: os.kill(os.getpid(), signal.SIGKILL)
job = Job("hourly", Schedule(timedelta(days=9999)), work, lease=timedelta(seconds=5))
run_job(job, JsonStore(Path({str(tmp_path / "store")!r})), Clock())
"""
    killed = subprocess.run([sys.executable, "-c", script], cwd=project_root(), check=False)
    assert killed.returncode == -9
    work = Worker()
    job = a_job(work, schedule=Schedule(timedelta(days=9999)))
    assert run_job(job, json_store, Clock()) == ExitCode.HELD_ELSEWHERE
    assert run_job(job, json_store, Clock(timedelta(seconds=6))) == ExitCode.DONE
    assert len(work.slots) == 1
    assert [run.state for run in json_store.list_runs("hourly", newest=9)] == ["running", "done"]


def test_it_refuses_to_run_outside_the_main_thread(json_store: JsonStore, clock: FixedClock) -> None:
    work = Worker()
    with ThreadPoolExecutor(1) as threads, pytest.raises(RuntimeError, match="main thread"):
        threads.submit(run_job, a_job(work), json_store, clock).result()
    assert work.slots == []
    assert json_store.list_jobs() == []
