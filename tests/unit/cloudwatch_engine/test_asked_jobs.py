"""Jobs that people ask for: a row each, worked on once, and told of while they run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from cloudwatch_engine import asked_jobs
from cloudwatch_engine.asked_jobs import KIND, LEASE, Tell, TooManyJobs, ask, newest, read, work_off
from ml_core.clock import FixedClock
from ml_core.errors import InvalidInput, NotFound
from ml_core.store.json_store import JsonStore


def nothing(content: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    return {}


def test_a_job_that_is_asked_for_waits(json_store: JsonStore, clock: FixedClock) -> None:
    job = ask(json_store, clock, instance="i-1", file=None)
    assert (job["state"], job["instance"], job["result"]) == ("queued", "i-1", None)
    assert read(json_store, job["job"], clock.now()) == job


def test_jobs_are_done_oldest_first_and_keep_their_result(json_store: JsonStore, clock: FixedClock) -> None:
    order: list[str] = []
    jobs = []
    for name in ("i-1", "i-2"):
        jobs.append(ask(json_store, clock, instance=name, file=None))
        clock.advance(timedelta(seconds=1))

    def work(content: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
        order.append(content["instance"])
        tell("fitting", 1, 2)
        (row,) = (row for row in newest(json_store, clock.now()) if row["state"] == "running")
        assert row["progress"] == ["fitting", 1, 2]
        return {"served": "naive"}

    assert work_off(json_store, clock, work) == 2
    assert order == ["i-1", "i-2"]
    assert all(read(json_store, job["job"], clock.now())["result"] == {"served": "naive"} for job in jobs)
    assert work_off(json_store, clock, work) == 0


def test_a_job_that_fails_says_why_and_the_next_is_done(json_store: JsonStore, clock: FixedClock) -> None:
    first = ask(json_store, clock, instance="i-1", file=None)
    clock.advance(timedelta(seconds=1))
    second = ask(json_store, clock, instance="i-2", file=None)

    def work(content: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
        if content["instance"] == "i-1":
            raise InvalidInput("too short")
        return {}

    work_off(json_store, clock, work)
    failed = read(json_store, first["job"], clock.now())
    assert (failed["state"], failed["message"]) == ("failed", "too short")
    assert read(json_store, second["job"], clock.now())["state"] == "done"


def test_an_error_of_ours_is_kept_with_the_job_and_ends_the_process(json_store: JsonStore, clock: FixedClock) -> None:
    job = ask(json_store, clock, instance=None, file=None)

    def work(content: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
        raise ZeroDivisionError("by nought")

    with pytest.raises(ZeroDivisionError):
        work_off(json_store, clock, work)
    assert read(json_store, job["job"], clock.now())["message"] == "ZeroDivisionError: by nought"


def test_a_job_is_done_by_one_process_only(json_store: JsonStore, clock: FixedClock) -> None:
    job = ask(json_store, clock, instance=None, file=None)

    def work(content: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
        assert work_off(json_store, clock, nothing) == 0  # as another process would, meanwhile
        return {"by": "the first"}

    work_off(json_store, clock, work)
    assert read(json_store, job["job"], clock.now())["result"] == {"by": "the first"}


def test_a_job_whose_process_fell_silent_is_lost(json_store: JsonStore, clock: FixedClock) -> None:
    job = ask(json_store, clock, instance=None, file=None)

    def work(content: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
        clock.advance(LEASE + timedelta(seconds=1))
        assert read(json_store, job["job"], clock.now())["state"] == "lost"
        return {}

    work_off(json_store, clock, work)


def test_jobs_of_another_machine_are_left_to_it(
    json_store: JsonStore, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(json_store, clock, instance=None, file="on-its-disk")
    monkeypatch.setattr(asked_jobs.socket, "gethostname", lambda: "another")
    assert work_off(json_store, clock, nothing) == 0


def test_an_unknown_job_is_not_found(json_store: JsonStore, clock: FixedClock) -> None:
    with pytest.raises(NotFound, match="no such job"):
        read(json_store, "none", clock.now())


def test_there_is_an_end_to_how_many_wait_and_old_ones_are_forgotten(json_store: JsonStore, clock: FixedClock) -> None:
    first = ask(json_store, clock, instance=None, file=None)
    clock.advance(timedelta(days=31))
    for _ in range(99):
        ask(json_store, clock, instance=None, file=None)
    assert json_store.get_document(KIND, first["job"]) is None
    ask(json_store, clock, instance=None, file=None)
    with pytest.raises(TooManyJobs, match="100 jobs wait already"):
        ask(json_store, clock, instance=None, file=None)
