"""The day partitions of predictions on MariaDB: made ahead, by any number of processes, and dropped whole."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import make_url

from ml_core.clock import Clock, FixedClock
from ml_core.errors import StoreUnavailable
from ml_core.store import partitions
from ml_core.store.partitions import Partition
from ml_core.store.sql_engine import Database
from ml_core.store.sql_store import SqlStore
from tests.factories import NOON, a_model, a_prediction
from tests.mariadb import MariaDbServer, new_server

MODEL = "housing_price"
DAY = timedelta(days=1)
LONG_AGO, FAR_AHEAD = datetime(1900, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@pytest.fixture(scope="module")
def server() -> Iterator[MariaDbServer]:
    """A private server, for all tests of this file."""
    started = new_server()
    yield started
    started.remove()


@pytest.fixture
def url(server: MariaDbServer) -> str:
    return server.new_database()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FixedClock:
    """A clock that stands at noon, also for the store."""
    clock = FixedClock(NOON)
    monkeypatch.setattr(Clock, "now", lambda self: clock.time)
    return clock


@pytest.fixture
def store(url: str, clock: FixedClock) -> Iterator[SqlStore]:
    """A store whose tables were made at noon."""
    with closing(SqlStore(url)) as opened:
        opened.check()
        yield opened


def partitions_of(url: str) -> list[Partition]:
    with closing(Database(url, maintenance=True)) as database:
        return database.read(partitions.list_partitions)


def bounds_of(url: str) -> list[date]:
    return [each.bound for each in partitions_of(url)]


def days(first: datetime, last: datetime) -> list[date]:
    return [(first + number * DAY).date() for number in range((last - first).days + 1)]


# Made ahead


def test_a_new_table_has_one_partition_for_all_that_is_older_and_the_days_around_today(
    store: SqlStore, url: str
) -> None:
    assert bounds_of(url) == days(NOON - 7 * DAY, NOON + 15 * DAY)
    assert partitions_of(url)[0].name == "before_20261113"


def test_rows_from_1970_to_tomorrow_need_no_further_partition(store: SqlStore, url: str) -> None:
    times = [datetime(1970, 1, 1, tzinfo=UTC), NOON - 400 * DAY, NOON - 8 * DAY, NOON, NOON + DAY]
    before = bounds_of(url)
    assert store.record_predictions(MODEL, [a_prediction(time) for time in times]).accepted == 5
    assert store.predictions(MODEL, LONG_AGO, FAR_AHEAD)["time"].to_list() == times
    assert bounds_of(url) == before


@pytest.mark.parametrize("new_ids", [False, True])
def test_a_row_of_a_day_without_a_partition_gets_one_and_the_week_after_it(
    store: SqlStore, url: str, new_ids: bool
) -> None:
    rows = [a_prediction(NOON + number * DAY) for number in range(16)]
    assert store.record_predictions(MODEL, rows, new_ids=new_ids).accepted == 16
    assert store.predictions(MODEL, LONG_AGO, FAR_AHEAD)["prediction_id"].to_list() == [
        row.prediction_id for row in rows
    ]
    assert bounds_of(url) == days(NOON - 7 * DAY, NOON + 23 * DAY)


def test_a_process_that_writes_first_makes_days_ahead_before_a_row_needs_them(
    store: SqlStore, url: str, clock: FixedClock
) -> None:
    clock.advance(7 * DAY)
    with closing(SqlStore(url)) as reader:
        reader.list_models()
    assert bounds_of(url)[-1] == (NOON + 15 * DAY).date()
    clock.advance(DAY)
    with closing(SqlStore(url)) as writer:
        writer.put_model(a_model())
    assert bounds_of(url) == days(NOON - 7 * DAY, NOON + 23 * DAY)


def test_a_long_stretch_without_rows_gets_months_and_few_partitions(store: SqlStore, url: str) -> None:
    later = datetime(2028, 3, 15, tzinfo=UTC)
    store.record_predictions(MODEL, [a_prediction(later)])
    bounds = bounds_of(url)
    assert bounds == sorted(set(bounds))
    assert date(2027, 6, 1) in bounds
    assert date(2027, 6, 2) not in bounds
    assert bounds[-16:] == days(later - 7 * DAY, later + 8 * DAY)
    assert len(bounds) < 100


@pytest.mark.parametrize("time", [datetime(9999, 12, 31, 23, tzinfo=UTC), datetime(9999, 12, 20, tzinfo=UTC)])
def test_even_the_last_day_of_the_calendar_can_be_stored(store: SqlStore, url: str, time: datetime) -> None:
    store.record_predictions(MODEL, [a_prediction(time, prediction_id="last")])
    assert store.last_prediction_time(MODEL) == time
    assert len(bounds_of(url)) < 250
    assert store.record_predictions(MODEL, [a_prediction(NOON + 100 * DAY)]).accepted == 1


def test_a_row_that_cannot_be_stored_makes_no_partitions(store: SqlStore, url: str) -> None:
    unfit = a_prediction(datetime(2400, 1, 1, tzinfo=UTC), prediction_id="")
    receipt = store.record_predictions(MODEL, [unfit, a_prediction(NOON + 20 * DAY)])
    assert (receipt.accepted, len(receipt.rejected)) == (1, 1)
    assert bounds_of(url)[-1] == (NOON + 28 * DAY).date()


def test_stores_that_need_the_same_day_at_once_make_it_once(store: SqlStore, url: str) -> None:
    stores = [SqlStore(url) for _ in range(8)]

    def record(number: int) -> int:
        rows = [a_prediction(NOON + day * DAY) for day in range(10, 40, 3)]
        return sum(stores[number].record_predictions(MODEL, [row]).accepted for row in rows)

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(record, range(8))) == [10] * 8
    for each in stores:
        each.close()
    assert len(store.predictions(MODEL, LONG_AGO, FAR_AHEAD)) == 80
    bounds = bounds_of(url)
    assert bounds == sorted(set(bounds))


def test_a_user_who_may_not_make_partitions_still_records_in_those_that_are_there(
    server: MariaDbServer, store: SqlStore, url: str, clock: FixedClock
) -> None:
    name = make_url(url).database
    server.execute(
        "CREATE USER plain@'127.0.0.1' IDENTIFIED BY 'plain'",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {name}.* TO plain@'127.0.0.1'",
    )
    clock.advance(10 * DAY)
    limited = make_url(url).set(username="plain", password="plain").render_as_string(hide_password=False)
    with closing(SqlStore(limited)) as plain:
        assert plain.record_predictions(MODEL, [a_prediction(NOON + 10 * DAY)]).accepted == 1
        with pytest.raises(StoreUnavailable, match="rights"):
            plain.record_predictions(MODEL, [a_prediction(NOON + 30 * DAY)])


# Dropped


def statements_of(server: MariaDbServer, work: Any) -> list[str]:
    """Return the statements that reach the server while ``work`` runs."""
    server.execute("SET GLOBAL log_output = 'TABLE'", "TRUNCATE mysql.general_log", "SET GLOBAL general_log = 1")
    work()
    server.execute("SET GLOBAL general_log = 0")
    rows = server.execute("SELECT argument FROM mysql.general_log WHERE command_type = 'Query' ORDER BY event_time")
    return [bytes(text).decode() if isinstance(text, bytes) else str(text) for (text,) in rows]


def test_old_days_are_dropped_with_their_partitions_and_not_row_by_row(
    server: MariaDbServer, store: SqlStore, url: str
) -> None:
    rows = [a_prediction(NOON - number * DAY) for number in range(10) for _ in range(100)]
    store.record_predictions(MODEL, rows, new_ids=True)
    dropped: list[dict[str, int]] = []
    statements = statements_of(server, lambda: dropped.append(store.drop_before(NOON - 2 * DAY)))
    assert dropped == [{"predictions": 700, "ground_truths": 0}]
    assert bounds_of(url) == days(NOON - DAY, NOON + 15 * DAY)
    assert sum(statement.startswith("ALTER TABLE predictions DROP PARTITION") for statement in statements) == 1
    assert len(store.predictions(MODEL, LONG_AGO, FAR_AHEAD)) == 300


def test_rows_older_than_all_partitions_that_are_left_go_too(store: SqlStore, url: str) -> None:
    store.drop_before(NOON)
    old = [a_prediction(NOON - 100 * DAY) for _ in range(10)]
    store.record_predictions(MODEL, old)
    assert store.drop_before(NOON)["predictions"] == 10
    assert bounds_of(url) == days(NOON + DAY, NOON + 15 * DAY)


def test_the_newest_partition_stays_even_if_all_days_are_dropped(store: SqlStore, url: str) -> None:
    store.record_predictions(MODEL, [a_prediction(NOON + number * DAY) for number in range(15)])
    assert store.drop_before(NOON + 400 * DAY)["predictions"] == 15
    assert bounds_of(url) == [(NOON + 15 * DAY).date()]
    assert store.record_predictions(MODEL, [a_prediction(), a_prediction(NOON + 20 * DAY)]).accepted == 2


def test_days_are_dropped_while_others_record(store: SqlStore, url: str) -> None:
    with closing(SqlStore(url)) as other, ThreadPoolExecutor(2) as threads:
        recorded = threads.submit(
            lambda: [other.record_predictions(MODEL, [a_prediction(NOON + DAY)]).accepted for _ in range(100)]
        )
        dropped = [store.drop_before(NOON - number * DAY)["predictions"] for number in range(7, -1, -1)]
        assert recorded.result() == [1] * 100
    assert dropped == [0] * 8
    assert len(store.predictions(MODEL, LONG_AGO, FAR_AHEAD)) == 100


def test_stores_that_drop_the_same_days_at_once_count_each_row_once(store: SqlStore, url: str) -> None:
    store.record_predictions(MODEL, [a_prediction(NOON - number * DAY) for number in range(7)])
    stores = [SqlStore(url) for _ in range(6)]
    with ThreadPoolExecutor(6) as threads:
        dropped = list(threads.map(lambda each: each.drop_before(NOON)["predictions"], stores))
    for each in stores:
        each.close()
    assert sum(dropped) == 6
    assert bounds_of(url) == days(NOON + DAY, NOON + 15 * DAY)
