"""The second revision on SQLite and MariaDB: predictions that are there already are rolled up, once."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from sqlalchemy import Connection, text

from ml_core.store.migrating import migrate
from ml_core.store.sql_engine import Database
from ml_core.store.sql_store import SqlStore
from tests.factories import NOON, a_prediction
from tests.mariadb import MariaDbServer, new_server

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
START, END = datetime(1, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


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


def fill(store: SqlStore) -> None:
    source = random.Random(1)
    edges = [datetime(1, 1, 1, tzinfo=UTC), datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), END - DAY]
    for model in ("wine", "housing_price"):
        values: list[Any] = [source.choice([source.gauss(7, 3), "cat", 1e200]) for _ in range(500)]
        rows = [
            a_prediction(NOON + number % 9 * 17 * HOUR, prediction_id=f"{model}-{number}", value=value)
            for number, value in enumerate(values)
        ]
        rows += [replace(a_prediction(value=3.0), time=time) for time in edges]
        store.record_predictions(model, rows)


def summaries(store: SqlStore) -> pd.DataFrame:
    return pd.concat(
        [store.summarise_predictions(model, START, END, HOUR) for model in ("wine", "housing_price")],
        ignore_index=True,
    )


def test_predictions_that_are_there_already_are_rolled_up(url: str) -> None:
    with closing(SqlStore(url)) as store:
        fill(store)
        expected = summaries(store)
    run(url, "DROP TABLE prediction_rollups", "UPDATE alembic_version SET version_num = '0001'")
    assert migrate(url, lambda line: None) == ["0002", "0003"]
    with closing(SqlStore(url)) as store:
        assert len(expected) == 2 * 12
        assert_frame_equal(summaries(store), expected)


def test_doing_it_again_replaces_what_was_there_and_counts_nothing_twice(url: str) -> None:
    with closing(SqlStore(url)) as store:
        fill(store)
        expected = summaries(store)
    run(url, "INSERT INTO prediction_rollups VALUES ('gone', '2026-11-20 12:00:00.000000', 3, 1, 1, 1.0, 1.0)")
    run(url, "UPDATE prediction_rollups SET count = count + 1", "UPDATE alembic_version SET version_num = '0001'")
    migrate(url, lambda line: None)
    with closing(SqlStore(url)) as store:
        assert_frame_equal(summaries(store), expected)
        assert store.summarise_predictions("gone", START, END, HOUR).empty


def test_an_empty_database_is_filled_with_nothing(url: str) -> None:
    migrate(url, lambda line: None)
    with closing(SqlStore(url)) as store:
        assert summaries(store).empty


def test_rollups_are_added_to_afterwards(url: str) -> None:
    with closing(SqlStore(url)) as store:
        fill(store)
    run(url, "DELETE FROM alembic_version")
    migrate(url, lambda line: None)
    with closing(SqlStore(url)) as store:
        store.record_predictions("wine", [a_prediction(NOON, value=1.0) for _ in range(10)])
        assert summaries(store)["count"].sum() == 2 * 503 + 10
        counted = store.count_predictions("wine", NOON, NOON + HOUR, HOUR)
        assert counted == {NOON: len(store.predictions("wine", NOON, NOON + HOUR))}
