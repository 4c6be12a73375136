"""The third revision on SQLite and MariaDB: rows that are there stay readable, new ones may have scores by class."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from ml_core.errors import StoreUnavailable
from ml_core.store.migrating import migrate
from ml_core.store.sql_engine import Database
from ml_core.store.sql_store import SqlStore
from tests.factories import a_prediction
from tests.mariadb import MariaDbServer, new_server

MODEL = "housing_price"


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


def run(url: str, *statements: str) -> None:
    def work(connection: Connection) -> None:
        for statement in statements:
            connection.execute(text(statement))

    with closing(Database(url, maintenance=True)) as database:
        database.write(work)


OLD = ("ALTER TABLE predictions DROP COLUMN scores", "UPDATE alembic_version SET version_num = '0002'")


def test_old_rows_stay_and_new_ones_may_have_scores(url: str) -> None:
    rows = [a_prediction(score=0.5), a_prediction(value="yes")]
    with closing(SqlStore(url)) as store:
        store.record_predictions(MODEL, rows)
    run(url, *OLD)
    assert migrate(url, lambda line: None) == ["0003"]
    with closing(SqlStore(url)) as store:
        new = a_prediction(value="no", scores={"yes": 0.25, "no": 0.75})
        assert store.record_predictions(MODEL, [*rows, new]).duplicates == 2
        found = {row.prediction_id: row for row in store.each_prediction(MODEL)}
        assert found == {row.prediction_id: row for row in [*rows, new]}


def test_a_database_of_the_revision_before_is_refused_with_the_way_out(url: str) -> None:
    with closing(SqlStore(url)) as store:
        store.record_predictions(MODEL, [a_prediction()])
    run(url, *OLD)
    with closing(SqlStore(url)) as store, pytest.raises(StoreUnavailable, match="store migrate"):
        store.record_predictions(MODEL, [a_prediction()])


def test_a_step_that_was_interrupted_is_repeated(url: str) -> None:
    with closing(SqlStore(url)) as store:
        store.record_predictions(MODEL, [a_prediction(scores={"a": 0.5, "b": 0.5})])
    run(url, OLD[1])  # the column is there, the stamp is not
    assert migrate(url, lambda line: None) == ["0003"]
    with closing(SqlStore(url)) as store:
        assert [row.scores for row in store.each_prediction(MODEL)] == [{"a": 0.5, "b": 0.5}]
