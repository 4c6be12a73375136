from __future__ import annotations

from datetime import timedelta

import pytest

from ml_core.errors import Conflict
from ml_core.jobs.job_requests import GIVEN_UP_AFTER, list_requests, move_request, request_run
from ml_core.store.json_store import JsonStore
from tests.factories import NOON

MINUTE = timedelta(minutes=1)


def test_a_request_waits_runs_and_ends(json_store: JsonStore) -> None:
    asked = request_run(json_store, "check", author="Ada", now=NOON)
    running = move_request(json_store, asked, "running", now=NOON + MINUTE)
    assert running is not None
    ended = move_request(json_store, running, "done", now=NOON + 2 * MINUTE, message="ended well")
    assert list_requests(json_store) == {"check": ended}
    assert ended is not None
    assert (ended.state, ended.author, ended.requested_time) == ("done", "Ada", NOON)
    assert (ended.changed_time, ended.message) == (NOON + 2 * MINUTE, "ended well")


def test_of_two_that_take_it_up_one_gets_it(json_store: JsonStore) -> None:
    asked = request_run(json_store, "check", author="", now=NOON)
    assert move_request(json_store, asked, "running", now=NOON) is not None
    assert move_request(json_store, asked, "running", now=NOON) is None


def test_a_job_is_asked_for_once_until_it_has_ended(json_store: JsonStore) -> None:
    asked = request_run(json_store, "check", author="", now=NOON)
    with pytest.raises(Conflict, match="check is requested already, since 2026-11-20T12:00:00Z"):
        request_run(json_store, "check", author="", now=NOON + MINUTE)
    request_run(json_store, "retain", author="", now=NOON)
    running = move_request(json_store, asked, "running", now=NOON)
    assert running is not None
    with pytest.raises(Conflict, match="check is running already"):
        request_run(json_store, "check", author="", now=NOON + MINUTE)
    move_request(json_store, running, "failed", now=NOON)
    assert request_run(json_store, "check", author="", now=NOON + MINUTE).state == "requested"


def test_one_that_nobody_ended_is_given_up(json_store: JsonStore) -> None:
    request_run(json_store, "check", author="", now=NOON)
    later = NOON + GIVEN_UP_AFTER
    assert request_run(json_store, "check", author="", now=later).requested_time == later
