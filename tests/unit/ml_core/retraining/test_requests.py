"""A model has one request at a time, however many ask for it at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from ml_core.clock import Clock
from ml_core.errors import Conflict
from ml_core.retraining.requests import claim, file_by_hand, file_for_alert, finish, list_requests, read_request
from ml_core.store.base import Store
from ml_core.store.json_store import JsonStore
from tests.factories import NOON

HOUR = timedelta(hours=1)
LEASE = timedelta(minutes=45)


def file(store: Store, hour: int = 0) -> bool:
    now = NOON + hour * HOUR
    return file_for_alert(store, "m", rule="rmse", alert_id="a1", fired_time=now, now=now) is not None


def test_of_many_checks_at_once_one_files_the_request(json_store: JsonStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        filed = list(pool.map(lambda _: file(json_store), range(16)))
    assert filed.count(True) == 1
    (request,) = list_requests(json_store)
    assert (request.state, request.asked_by, request.revision) == ("open", "rule rmse", 1)


def test_of_many_owners_at_once_one_claims_it(json_store: JsonStore) -> None:
    file(json_store)
    request = read_request(json_store, "m")
    assert request is not None
    with ThreadPoolExecutor(8) as pool:
        claims = list(
            pool.map(lambda name: claim(json_store, request, holder=str(name), now=NOON, lease=LEASE), range(16))
        )
    (won,) = [each for each in claims if each is not None]
    found = read_request(json_store, "m")
    assert found is not None and (found.state, found.claimed_by) == ("claimed", won.claimed_by)


def test_a_later_alert_files_one_after_the_one_before_is_done_and_remembers_when(json_store: JsonStore) -> None:
    file(json_store)
    assert not file(json_store, 1)
    request = read_request(json_store, "m")
    assert request is not None
    claimed = claim(json_store, request, holder="here:1", now=NOON + HOUR, lease=LEASE)
    assert claimed is not None and not file(json_store, 1)
    assert finish(json_store, claimed, "kept", "it lost", now=NOON + HOUR, challenger=2)
    assert not finish(json_store, claimed, "failed", "again", now=NOON + HOUR)
    assert file(json_store, 2)
    later = read_request(json_store, "m")
    assert later is not None and later.last_done_time == NOON + HOUR
    assert not later.is_claimable(NOON + 2 * HOUR, timedelta(hours=24))
    assert later.is_claimable(NOON + 25 * HOUR, timedelta(hours=24))


def test_a_person_is_refused_while_one_is_open_and_told_who_has_asked(json_store: JsonStore) -> None:
    file_by_hand(json_store, "m", author="ada", now=NOON, reason="new prices")
    with pytest.raises(Conflict, match="to be trained anew already: ada has asked at 2026-11-20T12:00:00Z"):
        file_by_hand(json_store, "m", author="ben", now=Clock().now())
