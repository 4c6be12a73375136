"""The store on a MariaDB that goes away: what it accepts, what it says, and that all is there once afterwards."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ml_core.clock import FixedClock
from ml_core.errors import StoreUnavailable
from ml_core.records import Prediction, StageChange
from ml_core.settings import SpoolSettings
from ml_core.store.opening import open_spool
from ml_core.store.spool import Spool
from ml_core.store.spooled_store import SpooledSqlStore
from ml_core.store.sql_store import SqlStore
from tests.factories import NOON, a_model, a_prediction, a_truth, a_version
from tests.mariadb import MariaDbServer, new_server

MODEL = "housing_price"
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def own_server() -> Iterator[MariaDbServer]:
    started = new_server()
    yield started
    started.remove()


@pytest.fixture
def server(own_server: MariaDbServer) -> Iterator[MariaDbServer]:
    """A private server that a test may stop; the next one finds it running."""
    yield own_server
    own_server.stop()
    own_server.start()


@pytest.fixture
def url(server: MariaDbServer) -> str:
    return server.new_database()


@pytest.fixture
def spool(url: str, tmp_path: Path) -> Spool:
    return open_spool(url, SpoolSettings(folder=str(tmp_path)))


@pytest.fixture
def open_spooled(url: str, spool: Spool, clock: FixedClock) -> Iterator[Callable[[], SpooledSqlStore]]:
    """Open the store as another process would."""
    opened: list[SpooledSqlStore] = []

    def open_one() -> SpooledSqlStore:
        opened.append(SpooledSqlStore(url, Spool(spool.folder, spool.max_bytes), clock))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def store(open_spooled: Callable[[], SpooledSqlStore]) -> SpooledSqlStore:
    return open_spooled()


def some_predictions(count: int, first: int = 0) -> list[Prediction]:
    return [a_prediction(NOON, prediction_id=f"order-{number}") for number in range(first, first + count)]


def stored_ids(url: str) -> list[str]:
    with closing(SqlStore(url)) as plain:
        return sorted(plain.predictions(MODEL, NOON, NOON + HOUR)["prediction_id"])


def ids_of(rows: Sequence[Prediction]) -> list[str]:
    return sorted(row.prediction_id for row in rows)


def eventually(is_so: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not come so in time"
        time.sleep(0.02)


def drained(spool: Spool) -> None:
    eventually(lambda: not spool.holds_records())


# Accepting


def test_without_an_outage_nothing_goes_by_the_spool(store: SpooledSqlStore, spool: Spool, url: str) -> None:
    receipt = store.record_predictions(MODEL, some_predictions(3))
    assert (receipt.accepted, receipt.spooled) == (3, 0)
    assert store.record_truths(MODEL, [a_truth("order-1")]).spooled == 0
    assert not spool.holds_records()
    assert stored_ids(url) == ["order-0", "order-1", "order-2"]
    assert store.notices() == []


def test_what_is_accepted_during_an_outage_is_there_once_afterwards(
    server: MariaDbServer, store: SpooledSqlStore, spool: Spool, url: str
) -> None:
    store.record_predictions(MODEL, some_predictions(2))
    server.stop()
    rows = some_predictions(40)
    for start in range(0, 40, 10):
        receipt = store.record_predictions(MODEL, rows[start : start + 10])
        assert (receipt.accepted, receipt.spooled) == (10, 10)
    assert store.record_predictions(MODEL, [a_prediction(NOON)], new_ids=True).spooled == 1
    assert store.record_truths(MODEL, [a_truth("order-3", 1.0)]).spooled == 1
    assert spool.status().records == 42
    server.start()
    drained(spool)
    assert len(stored_ids(url)) == 41
    assert set(ids_of(rows)) < set(stored_ids(url))
    assert spool.poisoned() == []
    with closing(SqlStore(url)) as plain:
        assert plain.record_truths(MODEL, [a_truth("order-3", 1.0)]).duplicates == 1
    assert store.record_predictions(MODEL, some_predictions(1, 100)).spooled == 0


def test_rows_that_no_store_could_hold_are_rejected_at_once(server: MariaDbServer, store: SpooledSqlStore) -> None:
    server.stop()
    good, bad = a_prediction(NOON), a_prediction(NOON, value=float("nan"))
    receipt = store.record_predictions(MODEL, [bad, good, good])
    assert (receipt.accepted, receipt.duplicates, receipt.spooled) == (1, 1, 1)
    assert receipt.rejected[0].field == "value"
    truths = store.record_truths(MODEL, [a_truth("order-1", "x" * 300), a_truth("order-1", 1.0)])
    assert (truths.accepted, truths.spooled, truths.rejected[0].field) == (1, 1, "value")
    with pytest.raises(ValueError, match="offset"):
        store.record_predictions(MODEL, [replace(good, time=NOON.replace(tzinfo=None))])


def test_truths_and_their_corrections_keep_their_order(
    server: MariaDbServer, store: SpooledSqlStore, spool: Spool, clock: FixedClock, url: str
) -> None:
    store.record_predictions(MODEL, some_predictions(1))
    server.stop()
    for value in (1.0, 2.0, 1.0):
        clock.advance(timedelta(seconds=1))
        truth = a_truth("order-0", value, received_time=clock.now(), correct=True)
        assert store.record_truths(MODEL, [truth]).spooled == 1
    server.start()
    drained(spool)
    database = url.rpartition("/")[2]
    revisions = server.execute(f"SELECT revision, value FROM {database}.ground_truths ORDER BY revision")
    assert revisions == [(1, 1.0), (2, 2.0), (3, 1.0)]


def test_while_records_wait_new_ones_go_behind_them_even_if_the_database_answers(
    server: MariaDbServer, store: SpooledSqlStore, spool: Spool, url: str
) -> None:
    spool.append("predictions", MODEL, some_predictions(1), NOON)
    with spool.replaying():  # another process replays, slowly
        assert store.record_predictions(MODEL, some_predictions(1, 1)).spooled == 1
        assert stored_ids(url) == []
    drained(spool)
    assert stored_ids(url) == ["order-0", "order-1"]


def test_a_full_spool_refuses_as_a_store_without_one_does(
    server: MariaDbServer, url: str, tmp_path: Path, clock: FixedClock
) -> None:
    with closing(SpooledSqlStore(url, Spool(tmp_path / "small", 8_000), clock)) as store:
        store.check()
        server.stop()
        store.check()
        store.record_predictions(MODEL, some_predictions(20))
        with pytest.raises(StoreUnavailable, match="ML_SPOOL__MAX_MEGABYTES"):
            store.record_predictions(MODEL, some_predictions(50, 20))
        with pytest.raises(StoreUnavailable, match=r"cannot be reached.*ML_SPOOL__MAX_MEGABYTES"):
            store.check()
        server.start()
        eventually(lambda: store.record_predictions(MODEL, some_predictions(1, 70)).spooled == 0)
    assert len(stored_ids(url)) == 21


def test_a_server_that_hangs_holds_up_few_callers_and_those_not_for_long(
    server: MariaDbServer, store: SpooledSqlStore, spool: Spool, url: str
) -> None:
    store.record_predictions(MODEL, some_predictions(1))
    server.freeze()
    try:
        first = threading.Thread(target=store.record_predictions, args=(MODEL, some_predictions(1, 1)))
        first.start()
        time.sleep(2.1)
        began = time.monotonic()
        for number in range(2, 12):
            assert store.record_predictions(MODEL, some_predictions(1, number)).spooled == 1
        assert time.monotonic() - began < 1
    finally:
        server.thaw()
    first.join()
    drained(spool)
    assert stored_ids(url) == ids_of(some_predictions(12))


# Reading


def test_known_models_are_served_during_an_outage_also_by_a_process_that_was_started_then(
    server: MariaDbServer, store: SpooledSqlStore, open_spooled: Callable[[], SpooledSqlStore]
) -> None:
    store.put_model(a_model(seed_id="model1"))
    store.add_version(a_version())
    store.change_stage(MODEL, StageChange(NOON, "promote", 1, None))
    model, versions = store.list_models()[0], store.list_versions(MODEL)
    assert store.get_version(MODEL, 1) == versions[0]
    server.stop()
    for each in (store, open_spooled()):
        assert each.list_models() == [model]
        assert each.get_model(MODEL) == model
        assert each.get_model("model1") is None  # no name; the caller goes on to look for the seed id
        assert each.list_versions(MODEL) == versions
        assert each.get_version(MODEL, 1) == versions[0]
        assert each.record_predictions(MODEL, [a_prediction()]).spooled == 1


def test_what_is_not_known_is_unavailable_and_so_is_all_else(server: MariaDbServer, store: SpooledSqlStore) -> None:
    store.check()
    server.stop()
    change = StageChange(NOON, "promote", 1, None)
    for work in (
        store.list_models,
        lambda: store.get_model(MODEL),
        lambda: store.get_version(MODEL, 1),
        lambda: store.list_versions(MODEL),
        lambda: store.put_model(a_model()),
        lambda: store.add_version(a_version()),
        lambda: store.change_stage(MODEL, change),
        lambda: store.claim_run("nightly", NOON, now=NOON, lease=HOUR, holder="me"),
        lambda: store.predictions(MODEL, NOON, NOON + HOUR),
        store.count_records,
    ):
        with pytest.raises(StoreUnavailable, match="cannot be reached"):
            work()


def test_a_change_of_champion_is_seen_as_soon_as_the_database_is_back(
    server: MariaDbServer, store: SpooledSqlStore, url: str
) -> None:
    store.put_model(a_model())
    store.add_version(a_version())
    assert store.get_model(MODEL) is not None
    server.stop()
    found = store.get_model(MODEL)
    assert found is not None
    assert found.champion is None
    server.start()
    with closing(SqlStore(url)) as elsewhere:
        elsewhere.change_stage(MODEL, StageChange(NOON, "promote", 1, None))

    def is_seen() -> bool:
        model = store.get_model(MODEL)
        return model is not None and model.champion == 1

    eventually(is_seen, seconds=5)


# What an operator sees


def test_the_notices_tell_of_an_outage_its_backlog_and_its_end(
    server: MariaDbServer, store: SpooledSqlStore, spool: Spool, clock: FixedClock
) -> None:
    store.check()
    server.stop()
    store.check()
    assert store.notices()[0].startswith(
        f"{store.place} is away since 2026-11-20T12:00:00Z: nothing waits in the spool"
    )
    clock.advance(timedelta(minutes=2))
    store.record_predictions(MODEL, some_predictions(1500))
    clock.advance(timedelta(minutes=2))
    (notice,) = store.notices()
    assert notice.startswith(
        f"{store.place} is away since 2026-11-20T12:00:00Z: 1,500 records wait in the spool (0.4 MB), the oldest since "
        "2026-11-20T12:02:00Z"
    )
    assert "cannot be reached: check that the server runs" in notice
    assert server.password not in notice
    server.start()
    drained(spool)
    eventually(lambda: store.notices() == [])


def test_rows_set_apart_are_told_put_back_and_stored_once_they_are_mended(
    server: MariaDbServer, store: SpooledSqlStore, spool: Spool, url: str
) -> None:
    store.record_predictions(MODEL, some_predictions(1))
    server.stop()
    other = a_prediction(NOON, prediction_id="order-0", value=9.0)
    store.record_predictions(MODEL, [other, *some_predictions(2, 1)])
    server.start()
    drained(spool)
    assert stored_ids(url) == ["order-0", "order-1", "order-2"]
    eventually(lambda: store.notices() == ["1 record is set apart: python -m ml_core.store poisoned"])
    (apart,) = spool.poisoned()
    assert "value 250000.0, not 9.0" in apart.reason
    with closing(SqlStore(url)) as plain:
        plain.erase(MODEL, ["order-0"])
    spool.requeue([apart.poison_id], NOON)
    store.replay_what_waits()
    drained(spool)
    assert spool.poisoned() == []
    assert store.record_predictions(MODEL, [other]).duplicates == 1


def test_erasing_reaches_what_was_set_apart_and_waits_for_what_waits(
    server: MariaDbServer, store: SpooledSqlStore, spool: Spool
) -> None:
    store.record_predictions(MODEL, some_predictions(1))
    server.stop()
    store.record_predictions(MODEL, [a_prediction(NOON, prediction_id="order-0", value=9.0)])
    with pytest.raises(StoreUnavailable, match="replay, then erase"):
        store.erase(MODEL, ["order-0"])
    server.start()
    drained(spool)
    assert len(spool.poisoned()) == 1
    assert store.erase(MODEL, ["order-0", "order-5"]) == 1
    assert spool.poisoned() == []
    assert store.count_records()["predictions"] == {}


# The thread


def replayers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "replayer"]


def test_a_process_that_finds_a_backlog_replays_it_and_then_needs_no_thread(
    server: MariaDbServer, spool: Spool, url: str, open_spooled: Callable[[], SpooledSqlStore]
) -> None:
    spool.append("predictions", MODEL, some_predictions(5), NOON)
    store = open_spooled()
    store.replay_what_waits()
    drained(spool)
    assert stored_ids(url) == ids_of(some_predictions(5))
    eventually(lambda: replayers() == [])
    store.replay_what_waits()
    assert replayers() == []


def test_closing_ends_the_thread_at_once_however_long_the_outage(server: MariaDbServer, store: SpooledSqlStore) -> None:
    server.stop()
    store.record_predictions(MODEL, some_predictions(1))
    (thread,) = replayers()
    assert thread.daemon
    time.sleep(1)  # its pauses have grown
    began = time.monotonic()
    store.close()
    assert time.monotonic() - began < 1
    assert not thread.is_alive()
    store.replay_what_waits()
    assert replayers() == []


def test_of_several_processes_one_replays_and_all_see_the_end(
    server: MariaDbServer, spool: Spool, url: str, open_spooled: Callable[[], SpooledSqlStore]
) -> None:
    stores = [open_spooled() for _ in range(3)]
    server.stop()
    for number, each in enumerate(stores * 4):
        assert each.record_predictions(MODEL, some_predictions(5, 5 * number)).spooled == 5
    assert len(replayers()) == 3
    server.start()
    drained(spool)
    assert stored_ids(url) == ids_of(some_predictions(60))
    eventually(lambda: replayers() == [])
