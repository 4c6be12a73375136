"""The SQL store on MariaDB: its tables, and what happens when the server is away, busy or refuses."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta

import pytest
from sqlalchemy import Connection, make_url, text

from ml_core.errors import ConfigurationError, StoreUnavailable
from ml_core.records import Receipt
from ml_core.store import sql_engine
from ml_core.store.sql_engine import Database
from ml_core.store.sql_store import SqlStore
from tests.factories import NOON, a_model, a_prediction, a_truth
from tests.mariadb import MariaDbServer, new_server

MODEL = "housing_price"
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def server() -> Iterator[MariaDbServer]:
    """A private server that a test may stop; the next one finds it running."""
    started = new_server()
    yield started
    started.remove()


@pytest.fixture
def url(server: MariaDbServer) -> str:
    return server.new_database()


@pytest.fixture
def store(url: str) -> Iterator[SqlStore]:
    with closing(SqlStore(url)) as opened:
        yield opened


def name_in(url: str) -> str:
    return str(make_url(url).database)


def unavailable(store: SqlStore) -> str:
    """Return the message with which the store refuses to be used; no password is in what would be logged of it."""
    with pytest.raises(StoreUnavailable) as caught:
        store.check()
    logged = "".join(traceback.format_exception(caught.value))
    assert "only-for-tests" not in logged
    assert "wrong-secret" not in logged
    return caught.value.message


# The tables


def test_keys_start_with_the_model_and_times_keep_microseconds(
    server: MariaDbServer, store: SqlStore, url: str
) -> None:
    store.check()
    use = f"USE {name_in(url)}"
    keys = server.execute(
        use,
        "SELECT table_name, index_name, GROUP_CONCAT(column_name ORDER BY seq_in_index)"
        " FROM information_schema.statistics WHERE table_schema = DATABASE() GROUP BY table_name, index_name",
    )
    assert sorted(keys) == [
        ("alembic_version", "PRIMARY", "version_num"),
        ("documents", "PRIMARY", "kind,key"),
        ("forecasts", "PRIMARY", "series,model,valid_time,issue_time"),
        ("ground_truths", "PRIMARY", "model,prediction_id,revision"),
        ("job_runs", "PRIMARY", "job,slot,fence"),
        ("metric_points", "PRIMARY", "model,metric,segment,version,start_time,end_time"),
        ("model_versions", "PRIMARY", "model,number"),
        ("models", "PRIMARY", "name"),
        ("observations", "PRIMARY", "series,time,revision"),
        ("prediction_rollups", "PRIMARY", "model,hour,shard"),
        ("predictions", "PRIMARY", "model,time,prediction_id"),
        ("predictions", "predictions_by_id", "model,prediction_id"),
    ]
    columns = "SELECT DISTINCT {} FROM information_schema.columns WHERE table_schema = DATABASE() AND {}"
    assert server.execute(use, columns.format("column_type", "column_name LIKE '%time'")) == [("datetime(6)",)]
    assert server.execute(use, columns.format("collation_name", "collation_name IS NOT NULL")) == [("utf8mb4_bin",)]
    assert server.execute(use, columns.format("extra", "extra != ''")) == []


def test_a_corrected_truth_stays_in_the_history(server: MariaDbServer, store: SqlStore, url: str) -> None:
    for number, value in enumerate((3.0, "three", 4.0)):
        truth = a_truth("order-1", value, correct=True, received_time=NOON + number * HOUR)
        store.record_truths(MODEL, [truth])
    history = server.execute(
        f"SELECT revision, value, label, received_time FROM {name_in(url)}.ground_truths ORDER BY revision"
    )
    naive = NOON.replace(tzinfo=None)
    assert history == [(1, 3.0, None, naive), (2, None, "three", naive + HOUR), (3, 4.0, None, naive + 2 * HOUR)]


def test_ids_vouched_for_as_new_that_are_not_are_judged_all_the_same(store: SqlStore) -> None:
    row = a_prediction(prediction_id="order-1", value=1.0)
    store.record_predictions(MODEL, [row], new_ids=True)
    other = a_prediction(prediction_id="order-1", value=2.0)
    assert store.record_predictions(MODEL, [row, a_prediction()], new_ids=True) == Receipt(accepted=1, duplicates=1)
    assert len(store.record_predictions(MODEL, [other], new_ids=True).rejected) == 1


def test_one_store_serves_many_threads(store: SqlStore) -> None:
    def record(thread: int) -> int:
        rows = [a_prediction(NOON + timedelta(milliseconds=thread)) for _ in range(20)]
        return sum(store.record_predictions(MODEL, [row]).accepted for row in rows)

    with ThreadPoolExecutor(20) as threads:
        assert list(threads.map(record, range(20))) == [20] * 20
    assert len(store.predictions(MODEL, NOON, NOON + HOUR)) == 400


# A server that is away


def test_a_server_that_is_away_is_said_so_and_once_back_it_is_used_again(
    server: MariaDbServer, store: SqlStore, url: str
) -> None:
    store.put_model(a_model())
    row = a_prediction()
    server.stop()
    try:
        assert unavailable(store).startswith(f"the database {name_in(url)} at 127.0.0.1:{server.port} cannot be")
        with pytest.raises(StoreUnavailable):
            store.record_predictions(MODEL, [row])
        with pytest.raises(StoreUnavailable):
            store.get_model(MODEL)
    finally:
        server.start()
    store.check()
    assert store.record_predictions(MODEL, [row]) == Receipt(accepted=1)
    assert store.get_model(MODEL) == a_model()


def test_a_store_may_be_opened_while_its_server_is_away(server: MariaDbServer, url: str) -> None:
    server.stop()
    try:
        store = SqlStore(url)
        unavailable(store)
    finally:
        server.start()
    with closing(store):
        assert store.put_model(a_model()) is True


def test_a_connection_that_the_server_has_cut_is_replaced_unnoticed(
    server: MariaDbServer, store: SqlStore, url: str
) -> None:
    store.put_model(a_model())
    killed = server.execute(f"SELECT id FROM information_schema.processlist WHERE db = '{name_in(url)}'")
    server.execute(*(f"KILL {number}" for (number,) in killed))
    assert len(killed) == 1
    assert store.get_model(MODEL) == a_model()


def test_a_database_that_comes_back_empty_gets_its_tables_again(
    server: MariaDbServer, store: SqlStore, url: str
) -> None:
    store.put_model(a_model())
    name = name_in(url)
    server.execute(f"DROP DATABASE {name}", f"CREATE DATABASE {name}")
    with pytest.raises(StoreUnavailable, match="lost its tables: try again"):
        store.list_models()
    assert store.put_model(a_model()) is True


# A server that refuses


def test_a_wrong_password_is_said_without_it(server: MariaDbServer, url: str) -> None:
    with closing(SqlStore(url.replace(server.password, "wrong-secret"))) as store:
        assert "check user, password and rights in the setting store_url" in unavailable(store)


def test_a_database_that_does_not_exist_is_said_so(server: MariaDbServer) -> None:
    with closing(SqlStore(f"{server.url}nowhere")) as store:
        assert unavailable(store).endswith("does not exist: create it, with rights for this user")


def test_a_user_who_may_only_read_passes_no_check(server: MariaDbServer, store: SqlStore, url: str) -> None:
    store.put_model(a_model())
    server.execute(
        "CREATE USER reader@'127.0.0.1' IDENTIFIED BY 'wrong-secret'",
        f"GRANT SELECT ON {name_in(url)}.* TO reader@'127.0.0.1'",
    )
    limited = make_url(url).set(username="reader", password="wrong-secret").render_as_string(hide_password=False)
    with closing(SqlStore(limited)) as reader:
        assert "rights" in unavailable(reader)
        assert reader.get_model(MODEL) == a_model()


def test_a_server_that_only_reads_passes_no_check(server: MariaDbServer, store: SqlStore, url: str) -> None:
    store.put_model(a_model())
    server.execute(
        "CREATE USER writer@'127.0.0.1' IDENTIFIED BY 'wrong-secret'",
        f"GRANT ALL ON {name_in(url)}.* TO writer@'127.0.0.1'",
        "SET GLOBAL read_only = 1",
    )
    limited = make_url(url).set(username="writer", password="wrong-secret").render_as_string(hide_password=False)
    try:
        with closing(SqlStore(limited)) as writer:
            assert "is read-only" in unavailable(writer)
            assert writer.get_model(MODEL) == a_model()
    finally:
        server.execute("SET GLOBAL read_only = 0")


@pytest.mark.parametrize("url", ["mysql+pymysql://suite:wrong-secret@host:port/db", "wrong-secret"])
def test_what_is_no_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ConfigurationError, match="store_url") as caught:
        SqlStore(url)
    assert "wrong-secret" not in "".join(traceback.format_exception(caught.value))


# Other writers in the way


def test_a_write_waits_for_a_lock_longer_than_one_attempt(store: SqlStore, url: str) -> None:
    store.put_model(a_model())
    with closing(Database(url)) as other:
        held = threading.Event()

        def hold_lock() -> None:
            def work(connection: Connection) -> None:
                connection.execute(text("UPDATE models SET title = 'held'"))
                held.set()
                time.sleep(1.5)

            other.write(work)

        holder = threading.Thread(target=hold_lock)
        holder.start()
        held.wait()
        assert store.put_model(a_model(title="Mine")) is False
        holder.join()
    assert [model.title for model in store.list_models()] == ["Mine"]


def test_a_lock_that_is_never_released_makes_the_store_unavailable(
    store: SqlStore, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql_engine, "_ATTEMPTS", 2)
    store.put_model(a_model())
    with closing(Database(url)) as other:

        def work(connection: Connection) -> None:
            connection.execute(text("UPDATE models SET title = 'held'"))
            with pytest.raises(StoreUnavailable, match="too busy"):
                store.put_model(a_model(title="Mine"))

        other.write(work)
    assert [model.title for model in store.list_models()] == ["held"]
