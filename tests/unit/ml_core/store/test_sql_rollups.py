"""The rollups on SQLite and MariaDB: their rows, and that they stay in step whatever happens at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, text

from ml_core.store import sql_records, sql_rollups
from ml_core.store.sql_engine import Database, RaceLost
from ml_core.store.sql_store import SqlStore
from tests.factories import NOON, a_prediction
from tests.mariadb import MariaDbServer, new_server

MODEL = "housing_price"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MIDNIGHT = NOON.replace(hour=0)


@pytest.fixture(scope="module")
def server() -> Iterator[MariaDbServer]:
    """A private server, for all tests of this file."""
    started = new_server()
    yield started
    started.remove()


@pytest.fixture(params=["sqlite", "mariadb"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    server: MariaDbServer = request.getfixturevalue("server")
    return server.new_database()


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    with closing(Database(url)) as opened:
        yield opened


@pytest.fixture
def store(url: str) -> Iterator[SqlStore]:
    with closing(SqlStore(url)) as opened:
        yield opened


def rollups(database: Database) -> list[Any]:
    query = text("SELECT hour, shard, count FROM prediction_rollups ORDER BY model, hour, shard")
    return database.read(lambda connection: list(connection.execute(query)))


def record(url: str, time: datetime = NOON, count: int = 1) -> None:
    with closing(SqlStore(url)) as store:
        store.record_predictions(MODEL, [a_prediction(time) for _ in range(count)], new_ids=True)


def counted(store: SqlStore) -> int:
    return sum(store.count_predictions(MODEL, MIDNIGHT, MIDNIGHT + DAY, DAY).values())


def test_an_hour_has_one_row_for_each_connection_that_wrote_and_eight_at_most(url: str, database: Database) -> None:
    with closing(SqlStore(url)) as store:
        for _ in range(20):
            store.record_predictions(MODEL, [a_prediction(), a_prediction(NOON + HOUR)])
    assert [count for _, _, count in rollups(database)] == [20, 20]
    for _ in range(40):
        record(url)
    shards = [shard for _, shard, _ in rollups(database)[:-1]]
    assert 2 <= len(shards) <= sql_rollups.SHARDS
    assert set(shards) <= set(range(sql_rollups.SHARDS))
    assert sum(count for _, _, count in rollups(database)) == 80


def test_whole_hours_are_read_from_the_rollups_alone_and_edges_from_the_rows(store: SqlStore, url: str) -> None:
    store.record_predictions(MODEL, [a_prediction(MIDNIGHT + number * 10 * MINUTE) for number in range(6 * 24)])
    with closing(Database(url, maintenance=True)) as other:
        other.write(lambda connection: connection.execute(text("DELETE FROM predictions")))
    assert counted(store) == 144
    cut = store.count_predictions(MODEL, MIDNIGHT + MINUTE, MIDNIGHT + DAY - MINUTE, 3 * HOUR)
    assert list(cut.values()) == [12, *[18] * 6, 12]
    assert store.count_predictions(MODEL, MIDNIGHT, MIDNIGHT + DAY, 90 * MINUTE) == {}


def test_work_that_is_done_again_counts_once(database: Database, store: SqlStore) -> None:
    attempts: list[int] = []

    def work(connection: Connection) -> None:
        sql_records.record_predictions(connection, MODEL, [a_prediction() for _ in range(5)], look_up=False)
        attempts.append(counted_inside(connection))
        if len(attempts) < 3:
            raise RaceLost

    database.write(work)
    assert (attempts, counted(store)) == ([5, 5, 5], 5)


def counted_inside(connection: Connection) -> int:
    return int(connection.execute(text("SELECT SUM(count) FROM prediction_rollups")).scalar_one())


def test_thousands_of_hours_are_dropped(store: SqlStore, database: Database) -> None:
    store.record_predictions(MODEL, [a_prediction(MIDNIGHT - number * HOUR) for number in range(2345)])
    assert store.drop_before(MIDNIGHT)["predictions"] == 2344
    assert rollups(database) == [(stored(MIDNIGHT, database), rollups(database)[0].shard, 1)]


def stored(time: datetime, database: Database) -> object:
    naive = time.replace(tzinfo=None)
    return naive.isoformat(" ", "microseconds") if database.is_sqlite else naive


# At the same moment


class Meanwhile:
    """Lets others work when a thread has come to a statement; it goes on when they are done, or wait for it."""

    def __init__(self, beginning: str, work: Any, arguments: list[Any]) -> None:
        self._beginning, self._work, self._arguments = beginning, work, arguments
        self._thread = threading.get_ident()
        self._threads = ThreadPoolExecutor(len(arguments))
        self.futures: list[Future[None]] = []

    def __call__(self, connection: Any, cursor: Any, statement: str, *others: Any) -> None:
        if threading.get_ident() == self._thread and statement.startswith(self._beginning) and not self.futures:
            self.futures = [self._threads.submit(self._work, *each) for each in self._arguments]
            wait(self.futures, 0.5)

    def __enter__(self) -> Meanwhile:
        event.listen(Engine, "before_cursor_execute", self)
        return self

    def __exit__(self, *error: object) -> None:
        event.remove(Engine, "before_cursor_execute", self)
        for each in self.futures:
            each.result()
        self._threads.shutdown()


# What reads the rows of an hour anew; what takes rollups away, and what follows: a look for the rows that are left.
SUMS_ANEW = "SELECT count(*) AS count_1, count("
DROPS, LOOKS = "DELETE FROM prediction_rollups", "SELECT predictions.model"


def test_what_is_recorded_while_an_hour_is_summed_anew_counts_once(store: SqlStore, url: str) -> None:
    rows = [a_prediction() for _ in range(10)]
    store.record_predictions(MODEL, rows)
    with Meanwhile(SUMS_ANEW, record, [(url,)] * 6) as meanwhile:
        assert store.erase(MODEL, [rows[0].prediction_id]).found == 1
    assert len(meanwhile.futures) == 6
    assert counted(store) == len(store.predictions(MODEL, NOON, NOON + HOUR)) == 9 + 6


@pytest.mark.parametrize("moment", [DROPS, LOOKS])
def test_what_is_recorded_while_its_day_is_dropped_is_counted_as_it_is_there(
    store: SqlStore, url: str, moment: str
) -> None:
    store.record_predictions(MODEL, [a_prediction() for _ in range(10)])
    dropped: list[int] = []
    with Meanwhile(moment, record, [(url,)] * 6) as meanwhile:
        dropped.append(store.drop_before(NOON + DAY)["predictions"])
    assert len(meanwhile.futures) == 6
    left = len(store.predictions(MODEL, datetime(1970, 1, 1, tzinfo=UTC), NOON + DAY))
    assert dropped == [16 - left]
    assert counted(store) == left
