"""The thread that replays what waits: when it runs, when it ends, and that one is at work."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

from ml_core.records import Prediction
from ml_core.store.spool import Spool
from ml_core.store.spooled_store import SpooledSqlStore
from tests.factories import NOON, some_predictions
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


def replayers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "replayer"]


def test_a_process_that_finds_a_backlog_replays_it_and_then_needs_no_thread(
    spool: Spool, open_spooled: OpenSpooled, stored_ids: StoredIds
) -> None:
    spool.append("predictions", MODEL, some_predictions(5), NOON)
    store = open_spooled()
    store.replay_what_waits()
    drained(spool)
    assert stored_ids() == ids_of(some_predictions(5))
    eventually(lambda: replayers() == [])
    store.replay_what_waits()
    assert replayers() == []


def test_closing_ends_the_thread_at_once_however_long_the_outage(
    stoppable_server: MariaDbServer, spooled: SpooledSqlStore
) -> None:
    stoppable_server.stop()
    spooled.record_predictions(MODEL, some_predictions(1))
    (thread,) = replayers()
    assert thread.daemon
    time.sleep(1)  # its pauses have grown
    began = time.monotonic()
    spooled.close()
    assert time.monotonic() - began < 1
    assert not thread.is_alive()
    spooled.replay_what_waits()
    assert replayers() == []


def test_of_several_processes_one_replays_and_all_see_the_end(
    stoppable_server: MariaDbServer, spool: Spool, open_spooled: OpenSpooled, stored_ids: StoredIds
) -> None:
    stores = [open_spooled() for _ in range(3)]
    stoppable_server.stop()
    for number, each in enumerate(stores * 4):
        assert each.record_predictions(MODEL, some_predictions(5, 5 * number)).spooled == 5
    assert len(replayers()) == 3
    stoppable_server.start()
    drained(spool)
    assert stored_ids() == ids_of(some_predictions(60))
    eventually(lambda: replayers() == [])
