"""The store on a MariaDB that goes away: what it accepts, what it tells, and that all is there once afterwards."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ml_core.clock import FixedClock
from ml_core.errors import StoreUnavailable
from ml_core.records import Prediction
from ml_core.store.erasure import Erasure
from ml_core.store.spool import Spool
from ml_core.store.spooled_store import SpooledSqlStore
from ml_core.store.sql_store import SqlStore
from tests.factories import NOON, a_prediction, a_truth, some_predictions
from tests.mariadb import MariaDbServer
from tests.processes import eventually

MODEL = "housing_price"
HOUR = timedelta(hours=1)
StoredIds = Callable[[], list[str]]
OpenSpooled = Callable[[], SpooledSqlStore]


def ids_of(rows: Sequence[Prediction]) -> list[str]:
    return sorted(row.prediction_id for row in rows)


def drained(spool: Spool) -> None:
    eventually(lambda: not spool.holds_records())


def test_without_an_outage_nothing_goes_by_the_spool(
    spooled: SpooledSqlStore, spool: Spool, stored_ids: StoredIds
) -> None:
    receipt = spooled.record_predictions(MODEL, some_predictions(3))
    assert (receipt.accepted, receipt.spooled) == (3, 0)
    assert spooled.record_truths(MODEL, [a_truth("order-1")]).spooled == 0
    assert not spool.holds_records()
    assert stored_ids() == ["order-0", "order-1", "order-2"]
    assert spooled.notices() == []


def test_what_is_accepted_during_an_outage_is_there_once_afterwards(
    stoppable_server: MariaDbServer, spooled: SpooledSqlStore, spool: Spool, spooled_url: str, stored_ids: StoredIds
) -> None:
    spooled.record_predictions(MODEL, some_predictions(2))
    stoppable_server.stop()
    rows = some_predictions(40)
    for start in range(0, 40, 10):
        receipt = spooled.record_predictions(MODEL, rows[start : start + 10])
        assert (receipt.accepted, receipt.spooled) == (10, 10)
    assert spooled.record_predictions(MODEL, [a_prediction(NOON)], new_ids=True).spooled == 1
    assert spooled.record_truths(MODEL, [a_truth("order-3", 1.0)]).spooled == 1
    assert spool.status().records == 42
    stoppable_server.start()
    drained(spool)
    assert len(stored_ids()) == 41
    assert set(ids_of(rows)) < set(stored_ids())
    assert spool.poisoned() == []
    with closing(SqlStore(spooled_url)) as plain:
        assert plain.record_truths(MODEL, [a_truth("order-3", 1.0)]).duplicates == 1
    assert spooled.record_predictions(MODEL, some_predictions(1, 100)).spooled == 0


def test_rows_that_no_store_could_hold_are_rejected_at_once(
    stoppable_server: MariaDbServer, spooled: SpooledSqlStore
) -> None:
    stoppable_server.stop()
    good, bad = a_prediction(NOON), a_prediction(NOON, value=float("nan"))
    receipt = spooled.record_predictions(MODEL, [bad, good, good])
    assert (receipt.accepted, receipt.duplicates, receipt.spooled) == (1, 1, 1)
    assert receipt.rejected[0].field == "value"
    truths = spooled.record_truths(MODEL, [a_truth("order-1", "x" * 300), a_truth("order-1", 1.0)])
    assert (truths.accepted, truths.spooled, truths.rejected[0].field) == (1, 1, "value")
    with pytest.raises(ValueError, match="offset"):
        spooled.record_predictions(MODEL, [replace(good, time=NOON.replace(tzinfo=None))])


def test_truths_and_their_corrections_keep_their_order(
    stoppable_server: MariaDbServer, spooled: SpooledSqlStore, spool: Spool, spooled_url: str, clock: FixedClock
) -> None:
    spooled.record_predictions(MODEL, some_predictions(1))
    stoppable_server.stop()
    for value in (1.0, 2.0, 1.0):
        clock.advance(timedelta(seconds=1))
        truth = a_truth("order-0", value, received_time=clock.now(), correct=True)
        assert spooled.record_truths(MODEL, [truth]).spooled == 1
    stoppable_server.start()
    drained(spool)
    database = spooled_url.rpartition("/")[2]
    revisions = stoppable_server.execute(f"SELECT revision, value FROM {database}.ground_truths ORDER BY revision")
    assert revisions == [(1, 1.0), (2, 2.0), (3, 1.0)]


def test_while_records_wait_new_ones_go_behind_them_even_if_the_database_answers(
    spooled: SpooledSqlStore, spool: Spool, stored_ids: StoredIds
) -> None:
    spool.append("predictions", MODEL, some_predictions(1), NOON)
    with spool.replaying():  # another process replays, slowly
        assert spooled.record_predictions(MODEL, some_predictions(1, 1)).spooled == 1
        assert stored_ids() == []
    drained(spool)
    assert stored_ids() == ["order-0", "order-1"]


def test_a_full_spool_refuses_as_a_store_without_one_does(
    stoppable_server: MariaDbServer, spooled_url: str, clock: FixedClock, tmp_path: Path, stored_ids: StoredIds
) -> None:
    with closing(SpooledSqlStore(spooled_url, Spool(tmp_path / "small", 8_000), clock)) as store:
        store.check()
        stoppable_server.stop()
        store.check()
        store.record_predictions(MODEL, some_predictions(20))
        with pytest.raises(StoreUnavailable, match="ML_SPOOL__MAX_MEGABYTES"):
            store.record_predictions(MODEL, some_predictions(50, 20))
        with pytest.raises(StoreUnavailable, match=r"cannot be reached.*ML_SPOOL__MAX_MEGABYTES"):
            store.check()
        stoppable_server.start()
        eventually(lambda: store.record_predictions(MODEL, some_predictions(1, 70)).spooled == 0)
    assert len(stored_ids()) == 21


def test_a_server_that_hangs_holds_up_few_callers_and_those_not_for_long(
    stoppable_server: MariaDbServer, spooled: SpooledSqlStore, spool: Spool, stored_ids: StoredIds
) -> None:
    spooled.record_predictions(MODEL, some_predictions(1))
    stoppable_server.freeze()
    try:
        first = threading.Thread(target=spooled.record_predictions, args=(MODEL, some_predictions(1, 1)))
        first.start()
        time.sleep(2.1)
        began = time.monotonic()
        for number in range(2, 12):
            assert spooled.record_predictions(MODEL, some_predictions(1, number)).spooled == 1
        assert time.monotonic() - began < 1
    finally:
        stoppable_server.thaw()
    first.join()
    drained(spool)
    assert stored_ids() == ids_of(some_predictions(12))


# What an operator sees


def test_the_notices_tell_of_an_outage_its_backlog_and_its_end(
    stoppable_server: MariaDbServer, spooled: SpooledSqlStore, spool: Spool, clock: FixedClock
) -> None:
    spooled.check()
    stoppable_server.stop()
    spooled.check()
    assert spooled.notices()[0].startswith(
        f"{spooled.place} is away since 2026-11-20T12:00:00Z: nothing waits in the spool"
    )
    clock.advance(timedelta(minutes=2))
    spooled.record_predictions(MODEL, some_predictions(1500))
    clock.advance(timedelta(minutes=2))
    (notice,) = spooled.notices()
    waiting = "1,500 records wait in the spool (0.4 MB), the oldest since 2026-11-20T12:02:00Z"
    assert notice.startswith(f"{spooled.place} is away since 2026-11-20T12:00:00Z: {waiting}")
    assert "cannot be reached: check that the server runs" in notice
    assert stoppable_server.password not in notice
    stoppable_server.start()
    drained(spool)
    eventually(lambda: spooled.notices() == [])


def test_rows_set_apart_are_told_put_back_and_stored_once_they_are_mended(
    stoppable_server: MariaDbServer, spooled: SpooledSqlStore, spool: Spool, spooled_url: str, stored_ids: StoredIds
) -> None:
    spooled.record_predictions(MODEL, some_predictions(1))
    stoppable_server.stop()
    other = a_prediction(NOON, prediction_id="order-0", value=9.0)
    spooled.record_predictions(MODEL, [other, *some_predictions(2, 1)])
    stoppable_server.start()
    drained(spool)
    assert stored_ids() == ["order-0", "order-1", "order-2"]
    eventually(lambda: spooled.notices() == ["1 record is set apart: python -m ml_core.store poisoned"])
    (apart,) = spool.poisoned()
    assert "value 250000.0, not 9.0" in apart.reason
    with closing(SqlStore(spooled_url)) as plain:
        plain.erase(MODEL, ["order-0"])
    spool.requeue([apart.poison_id], NOON)
    spooled.replay_what_waits()
    drained(spool)
    assert spool.poisoned() == []
    assert spooled.record_predictions(MODEL, [other]).duplicates == 1


def test_erasing_reaches_what_was_set_apart_and_waits_for_what_waits(
    stoppable_server: MariaDbServer, spooled: SpooledSqlStore, spool: Spool
) -> None:
    spooled.record_predictions(MODEL, some_predictions(1))
    stoppable_server.stop()
    spooled.record_predictions(MODEL, [a_prediction(NOON, prediction_id="order-0", value=9.0)])
    with pytest.raises(StoreUnavailable, match="replay, then erase"):
        spooled.erase(MODEL, ["order-0"])
    stoppable_server.start()
    drained(spool)
    assert len(spool.poisoned()) == 1
    assert spooled.erase(MODEL, ["order-0", "order-5"]) == Erasure(found=1, predictions=1, set_apart=1)
    assert spool.poisoned() == []
    assert spooled.count_records()["predictions"] == {}
