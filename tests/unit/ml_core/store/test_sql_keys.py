"""Ways through keys of several columns, on SQLite; the contract suite goes them on MariaDB too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from ml_core.store.sql_engine import Database
from ml_core.store.sql_keys import delete_first, distinct, is_after, is_up_to, upsert
from ml_core.store.tables import metric_points
from tests.factories import NOON

KEY = list(metric_points.primary_key)
NAMES = KEY[:4]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database(f"sqlite:///{tmp_path / 'store.db'}")) as opened:
        yield opened


def row(model: str, metric: str, version: int = 0, hour: int = 0, count: int = 1) -> dict[str, Any]:
    times = {"start_time": NOON + timedelta(hours=hour), "end_time": NOON + timedelta(hours=hour + 1)}
    sums = {"count": count, "total": 0.0, "total_of_squares": 0.0, "details": {}}
    return {"model": model, "metric": metric, "segment": "", "version": version, **times, **sums}


ROWS = [
    row(model, metric, version, hour) for model in "ab" for metric in "xyz" for version in (0, 1) for hour in (0, 1)
]


def fill(database: Database, rows: list[dict[str, Any]]) -> None:
    database.write(lambda connection: upsert(connection, metric_points, rows))


def test_rows_with_the_same_key_are_replaced_and_others_are_added(database: Database) -> None:
    fill(database, ROWS)
    fill(database, [row("a", "x", count=7), row("c", "x", count=8), row("c", "x", count=9)])
    found = database.read(lambda connection: connection.execute(select(metric_points)).mappings().all())
    assert len(found) == len(ROWS) + 1
    assert sorted(each["count"] for each in found)[-2:] == [7, 9]


def test_the_beginnings_of_keys_are_found_in_order_each_once(database: Database) -> None:
    fill(database, ROWS)

    def beginnings(connection: Connection) -> list[list[tuple[Any, ...]]]:
        found = [distinct(connection, KEY[:columns]) for columns in (1, 2, 4)]
        return [*found, distinct(connection, KEY[1:2], KEY[0] == "b"), distinct(connection, KEY[1:2], KEY[0] == "c")]

    models, metrics, versions, of_b, of_none = database.read(beginnings)
    assert models == [("a",), ("b",)]
    assert metrics == [(model, metric) for model in "ab" for metric in "xyz"]
    assert versions == [(model, metric, "", version) for model in "ab" for metric in "xyz" for version in (0, 1)]
    assert (of_b, of_none) == ([("x",), ("y",), ("z",)], [])


def test_what_follows_a_key_and_what_does_not_are_all_there_is(database: Database) -> None:
    fill(database, ROWS)

    def keys(connection: Connection, *conditions: Any) -> list[tuple[Any, ...]]:
        return [
            tuple(each) for each in connection.execute(select(*NAMES).distinct().where(*conditions).order_by(*NAMES))
        ]

    everything = database.read(keys)
    for place, values in enumerate(everything):
        after = database.read(lambda connection, values=values: keys(connection, is_after(NAMES, values)))
        up_to = database.read(lambda connection, values=values: keys(connection, is_up_to(NAMES, values)))
        assert (up_to, after) == (everything[: place + 1], everything[place + 1 :])


def test_rows_are_deleted_in_portions_from_the_first_on(database: Database) -> None:
    fill(database, [row("a", "x", hour=hour) for hour in range(2500)] + ROWS)
    times = KEY[4:]

    def delete(connection: Connection) -> int:
        return delete_first(connection, times, (KEY[0] == "a") & (KEY[1] == "x") & (KEY[3] == 0))

    assert [database.write(delete) for _ in range(4)] == [1000, 1000, 500, 0]
    left = database.read(lambda connection: connection.execute(select(metric_points.c.metric)).all())
    assert len(left) == len(ROWS) - 2
