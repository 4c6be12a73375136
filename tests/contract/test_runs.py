"""What every store promises of job runs: one holder a slot, and a history."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ml_core.records import JobRun, RunLease
from ml_core.store.base import Store
from tests.contract import processes as work
from tests.contract.processes import ProcessGroup
from tests.factories import NOON

JOB = "ART_forecasting"
MINUTE = timedelta(minutes=1)


def claim(store: Store, minutes: float = 0, holder: str = "one") -> RunLease | None:
    return store.claim_run(JOB, NOON, now=NOON + minutes * MINUTE, lease=10 * MINUTE, holder=holder)


def claimed(store: Store, minutes: float = 0, holder: str = "one") -> RunLease:
    lease = claim(store, minutes, holder)
    assert lease is not None
    return lease


def test_a_free_slot_is_claimed_and_its_run_is_in_the_history(store: Store) -> None:
    lease = claimed(store)
    assert lease == RunLease(JOB, NOON, 1, NOON + 10 * MINUTE)
    assert store.list_runs(JOB, newest=5) == [JobRun(JOB, NOON, 1, "one", "running", NOON, NOON + 10 * MINUTE)]
    assert store.list_jobs() == [JOB]


def test_a_slot_that_is_held_cannot_be_claimed(store: Store) -> None:
    claimed(store)
    assert claim(store, 9.99, "two") is None


def test_another_slot_and_another_job_are_free(store: Store) -> None:
    claimed(store)
    assert store.claim_run(JOB, NOON + MINUTE, now=NOON, lease=MINUTE, holder="two") is not None
    assert store.claim_run("check", NOON, now=NOON, lease=MINUTE, holder="two") is not None
    assert store.list_jobs() == [JOB, "check"]


@pytest.mark.parametrize("name", ["../predictions/churn", "a b", "", "x" * 65])
def test_what_cannot_be_the_name_of_a_job_is_refused_and_has_no_runs(store: Store, name: str) -> None:
    with pytest.raises(ValueError, match="job: expected 1 to 64 letters"):
        store.claim_run(name, NOON, now=NOON, lease=MINUTE, holder="one")
    assert store.list_runs(name, newest=5) == [] == store.list_jobs()


def test_a_finished_run_keeps_its_end_and_its_slot_is_never_claimed_again(store: Store) -> None:
    lease = claimed(store)
    end = NOON + 3 * MINUTE
    assert store.finish_run(lease, now=end, state="done", message="6 forecasts", log_tail="line one\nline two é")
    (run,) = store.list_runs(JOB, newest=5)
    assert (run.state, run.finished_time, run.message) == ("done", end, "6 forecasts")
    assert run.log_tail == "line one\nline two é"
    assert claim(store, 60 * 24 * 365) is None


def test_a_failed_run_may_be_tried_again_under_a_higher_fence(store: Store) -> None:
    store.finish_run(claimed(store), now=NOON, state="failed", message="no answer")
    assert claimed(store, 1, "two").fence == 2
    assert [(run.fence, run.state) for run in store.list_runs(JOB, newest=5)] == [(1, "failed"), (2, "running")]


def test_when_a_lease_runs_out_another_takes_over_and_the_first_is_fenced_off(store: Store) -> None:
    first = claimed(store)
    second = claimed(store, 10, "two")
    assert second.fence == 2
    assert store.renew_run(first, now=NOON + 11 * MINUTE, lease=10 * MINUTE) is None
    assert store.finish_run(first, now=NOON + 11 * MINUTE, state="done") is False
    assert store.finish_run(second, now=NOON + 12 * MINUTE, state="done") is True
    assert [(run.holder, run.state) for run in store.list_runs(JOB, newest=5)] == [("one", "running"), ("two", "done")]


def test_a_renewed_lease_holds_longer(store: Store) -> None:
    lease = claimed(store)
    renewed = store.renew_run(lease, now=NOON + 9 * MINUTE, lease=10 * MINUTE)
    assert renewed == RunLease(JOB, NOON, 1, NOON + 19 * MINUTE)
    assert claim(store, 18, "two") is None
    assert claim(store, 19, "two") is not None


def test_a_holder_that_is_late_but_was_not_replaced_may_still_finish(store: Store) -> None:
    lease = claimed(store)
    assert store.finish_run(lease, now=NOON + 60 * MINUTE, state="done") is True


def test_a_run_that_has_finished_cannot_be_finished_or_renewed_again(store: Store) -> None:
    lease = claimed(store)
    store.finish_run(lease, now=NOON, state="failed")
    assert store.finish_run(lease, now=NOON, state="done") is False
    assert store.renew_run(lease, now=NOON, lease=MINUTE) is None


def test_the_newest_runs_are_listed_oldest_first(store: Store) -> None:
    for number in range(60):
        slot = NOON + number * timedelta(days=1)
        assert store.claim_run(JOB, slot, now=slot, lease=MINUTE, holder="one")
    found = [run.slot for run in store.list_runs(JOB, newest=45)]
    assert found == [NOON + number * timedelta(days=1) for number in range(15, 60)]
    assert store.list_runs("unknown", newest=3) == []


def test_of_eight_processes_that_start_at_once_one_runs_each_slot(
    processes: ProcessGroup, store: Store, store_url: str
) -> None:
    store.check()
    ran = processes.run(store_url, work.run_slots, [20] * 8)
    slots = [slot for mine in ran for slot in mine]
    assert len(slots) == len(set(slots)) == 20


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_looking_before_running_is_not_enough(processes: ProcessGroup, store: Store, store_url: str) -> None:
    # The control of the test above: the same race, with a look at the history in the place of a claim.
    store.check()
    ran = processes.run(store_url, work.run_slots_naively, [20] * 8)
    slots = [slot for mine in ran for slot in mine]
    assert len(slots) > len(set(slots))
