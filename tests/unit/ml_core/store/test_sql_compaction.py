"""Compaction on a server: tables that rows are deleted from shrink, and partitions are left alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from ml_core.errors import StoreUnavailable
from ml_core.store import sql_compaction
from ml_core.store.sql_engine import Database
from ml_core.store.sql_store import SqlStore
from tests.factories import NOON, a_prediction, a_truth
from tests.mariadb import MariaDbServer, new_server

MODEL = "housing_price"


@pytest.fixture(scope="module")
def server() -> Iterator[MariaDbServer]:
    """A private server, for all tests of this file."""
    started = new_server()
    yield started
    started.remove()


@pytest.fixture
def url(server: MariaDbServer) -> str:
    """The URL of an empty database."""
    return server.new_database()


def test_truths_that_were_forgotten_give_back_their_room(url: str) -> None:
    with closing(SqlStore(url)) as store:
        for first in range(0, 6000, 1000):
            ids = [f"order-{number}{'x' * 200}" for number in range(first, first + 1000)]
            store.record_truths(MODEL, [a_truth(each, received_time=NOON) for each in ids])
        store.record_truths(MODEL, [a_truth("kept", 5.0, received_time=NOON + timedelta(days=9))])
        store.record_predictions(MODEL, [a_prediction(prediction_id="kept")])
        assert store.drop_before(NOON + timedelta(days=5)) == {"predictions": 1, "ground_truths": 6000}
        lines: list[str] = []
        done = store.compact(NOON, lines.append)
        assert done.bytes_after < done.bytes_before / 2
        assert [line.partition(":")[0] for line in lines] == [table.name for table in sql_compaction._SHRINKING]
        assert "predictions" not in {line.partition(":")[0] for line in lines}
        counts = store.count_records()
        assert (counts["predictions"], counts["ground_truths"]) == ({}, {MODEL: 1})


def test_a_table_that_the_server_does_not_make_anew_is_told_with_its_reason(server: MariaDbServer, url: str) -> None:
    with closing(SqlStore(url)) as store:
        store.check()
    server.execute(f"DROP TABLE {urlsplit(url).path.removeprefix('/')}.documents")
    with closing(Database(url, maintenance=True)) as database, pytest.raises(StoreUnavailable) as caught:
        sql_compaction.compact(database, lambda line: None)
    assert "does not make documents anew: Table" in caught.value.message
    assert "only-for-tests" not in caught.value.message
