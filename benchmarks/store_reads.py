"""Reads of the last 24 hours, their growth, forgetting a day, and charts, on stores that hold a million predictions.

One model's predictions are recorded through the store. The other models' are copied from them, for speed: as names of
the same segment files in the JSON store, and inside the database with ``INSERT ... SELECT``.
"""

from __future__ import annotations

import math
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import orjson
import pandas as pd
from pandas.testing import assert_frame_equal

from benchmarks import store_charts
from benchmarks.figures import DAY, Figure, Pairs, Sizes, a_day, in_turns, milliseconds, progress, seconds_of
from benchmarks.store_batches import connect, mariadb
from ml_core.store.base import PREDICTION_COLUMNS, Store
from ml_core.store.json_segments import read_segment
from ml_core.store.opening import open_store
from ml_core.store.tables import prediction_rollups, predictions
from tests.mariadb import MariaDbServer

_TWIN, _WHOLE = "twin_of_predictions", "whole_predictions"
_PURGED = "purge_del_mark_records"
_PURGE_PAUSE_SECONDS = 0.5
_QUERY = (
    f"SELECT prediction_id, time, version, value, label, score, features, scores FROM {predictions.name}"
    " WHERE model = %s AND time >= %s AND time < %s ORDER BY time, prediction_id"
)


def measure(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Yield the figures of reads, growth, retention and charts."""
    end = _end(sizes)
    json_url = f"json:///{folder / 'json'}"
    _load_json(json_url, end, sizes.days, sizes)
    yield _json_and_sqlite(json_url, folder, end, sizes)
    yield _growth(json_url, folder, end, sizes)
    with mariadb() as server:
        url = server.new_database()
        _load_mariadb(server, url, end, sizes)
        yield _mariadb_and_driver(url, end, sizes)
        yield _forgetting(server, url, end, sizes)
        yield from store_charts.measure(server, sizes)


def _end(sizes: Sizes) -> datetime:
    """Return a noon so that the days begin a week ago: from there on a new table has a partition for each day."""
    today = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    return today + (sizes.days - 7) * DAY


def _model(number: int) -> str:
    return f"model_{number}"


def _last_day(store: Store, end: datetime) -> pd.DataFrame:
    return store.predictions(_model(0), end - DAY, end)


def _load_first_model(store: Store, end: datetime, days: int, sizes: Sizes) -> None:
    for number in range(days):
        rows = a_day(end - (days - number) * DAY, sizes.rows_per_day)
        assert store.record_predictions(_model(0), rows, new_ids=True).accepted == len(rows)


def _load_json(url: str, end: datetime, days: int, sizes: Sizes) -> None:
    progress(f"reads: loading {sizes.models * days * sizes.rows_per_day:,} predictions into the JSON store")
    _load_first_model(open_store(url), end, days, sizes)
    folder = Path(url.removeprefix("json:///")) / "records" / "predictions"
    for number in range(1, sizes.models):
        (folder / _model(number)).mkdir()
        for path in (folder / _model(0)).glob("*.jsonl"):
            os.link(path, folder / _model(number) / path.name)


def _copy_statements(sizes: Sizes) -> list[str]:
    return [
        f"INSERT INTO {table.name} (model, {columns}) SELECT '{_model(number)}', {columns}"
        f" FROM {table.name} WHERE model = '{_model(0)}'"
        for table in (predictions, prediction_rollups)
        for columns in [", ".join(column.name for column in table.columns if column.name != "model")]
        for number in range(1, sizes.models)
    ]


def _json_and_sqlite(json_url: str, folder: Path, end: datetime, sizes: Sizes) -> Figure:
    rows = sizes.models * sizes.days * sizes.rows_per_day
    progress(f"reads: loading {rows:,} predictions into SQLite")
    path = folder / "sqlite.db"
    mine, control = open_store(json_url), open_store(f"sqlite:///{path}")
    _load_first_model(control, end, sizes.days, sizes)
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in _copy_statements(sizes):
            connection.execute(statement)
    assert len(_last_day(mine, end)) == len(_last_day(control, end)) == sizes.rows_per_day
    progress("reads: JSON and SQLite")
    pairs = in_turns(
        sizes.reads,
        lambda number: seconds_of(lambda: _last_day(mine, end)),
        lambda number: seconds_of(lambda: _last_day(control, end)),
    )
    control.close()
    name = f"last 24 h of one model out of {rows:,} to a DataFrame, JSON / SQLite"
    return Figure(name, pairs.show(milliseconds), "at most 2", pairs.ratio <= 2)


def _growth(json_url: str, folder: Path, end: datetime, sizes: Sizes) -> Figure:
    grown_url = f"json:///{folder / 'grown'}"
    _load_json(grown_url, end, sizes.grown_days, sizes)
    small, grown = open_store(json_url), open_store(grown_url)
    assert len(_last_day(grown, end)) == sizes.rows_per_day
    progress("reads: growth")
    times = sizes.grown_days / sizes.days
    pairs = in_turns(
        sizes.reads,
        lambda number: seconds_of(lambda: _last_day(grown, end)),
        lambda number: seconds_of(lambda: _last_day(small, end)),
    )
    scan = in_turns(
        min(3, sizes.reads),
        lambda number: seconds_of(lambda: _scan(grown_url, end)),
        lambda number: seconds_of(lambda: _scan(json_url, end)),
    )
    exponent, control = (math.log(each.ratio) / math.log(times) for each in (pairs, scan))
    rows = sizes.models * sizes.days * sizes.rows_per_day
    return Figure(
        f"growth of that read on JSON from {rows:,} to {round(rows * times):,} rows, exponent",
        f"{exponent:.2f}, ratio {pairs.show(milliseconds)}; reading every day {control:.2f}",
        "at most 0.1",
        exponent <= 0.1,
        control > 0.1,
    )


def _scan(url: str, end: datetime) -> int:
    """Find the same rows without knowing which files hold them."""
    folder = Path(url.removeprefix("json:///")) / "records" / "predictions" / _model(0)
    first = (end - DAY).isoformat()
    return sum(row["time"] >= first for path in folder.glob("*.jsonl") for row in read_segment(path)[0])


def _load_mariadb(server: MariaDbServer, url: str, end: datetime, sizes: Sizes) -> None:
    progress(f"reads: loading {sizes.models * sizes.days * sizes.rows_per_day:,} predictions into MariaDB")
    store = open_store(url)
    _load_first_model(store, end, sizes.days, sizes)
    store.close()
    database = urlsplit(url).path.removeprefix("/")
    server.execute(f"USE {database}", *_copy_statements(sizes), f"ANALYZE TABLE {predictions.name}")


def _mariadb_and_driver(url: str, end: datetime, sizes: Sizes) -> Figure:
    progress("reads: MariaDB and PyMySQL")
    store = open_store(url)
    with connect(url) as connection:

        def raw() -> pd.DataFrame:
            bounds = [time.replace(tzinfo=None) for time in (end - DAY, end)]
            with connection.cursor() as cursor:
                cursor.execute(_QUERY, (_model(0), *bounds))
                rows = cursor.fetchall()
            connection.commit()
            return _frame(rows)

        assert_frame_equal(raw(), _last_day(store, end))
        pairs = in_turns(
            sizes.reads, lambda number: seconds_of(lambda: _last_day(store, end)), lambda number: seconds_of(raw)
        )
    store.close()
    rows = sizes.models * sizes.days * sizes.rows_per_day
    name = f"last 24 h of one model out of {rows:,} to a DataFrame, MariaDB store / PyMySQL"
    return Figure(name, pairs.show(milliseconds), "at most 1.5", pairs.ratio <= 1.5)


def _frame(rows: tuple[tuple[object, ...], ...]) -> pd.DataFrame:
    """Return the frame that the store returns, from rows of numbers without labels."""
    ids, times, versions, values, _, scores, features, by_class = zip(*rows, strict=True)
    columns = (
        pd.Series(ids, dtype=object),
        pd.Series(times).astype("datetime64[us]").dt.tz_localize(UTC),
        pd.Series(versions, dtype="Int64"),
        pd.Series(values, dtype="float64"),
        pd.Series(scores, dtype="float64"),
        pd.Series([orjson.loads(each) for each in features], dtype=object),
        pd.Series(by_class, dtype=object),
    )
    return pd.DataFrame(dict(zip(PREDICTION_COLUMNS, columns, strict=True)))


def _forgetting(server: MariaDbServer, url: str, end: datetime, sizes: Sizes) -> Figure:
    """Forget the oldest day and delete it from two copies in turns: one with the same partitions, one without."""
    progress("reads: forgetting days")
    store = open_store(url)
    midnight = (end - sizes.days * DAY).replace(hour=0) + DAY
    store.drop_before(midnight)  # the half day at the beginning
    server.execute(
        f"USE {urlsplit(url).path.removeprefix('/')}", *_twins(), f"SET GLOBAL innodb_monitor_enable='{_PURGED}'"
    )
    forgotten = sizes.models * sizes.rows_per_day

    def forget(number: int) -> float:
        return seconds_of(lambda: _assert_equal(store.drop_before(midnight + (number + 1) * DAY), forgotten))

    with connect(url) as connection, connection.cursor() as cursor:

        def delete(table: str, number: int) -> float:
            first = (midnight + number * DAY).replace(tzinfo=None)

            def work() -> None:
                statement = f"DELETE FROM {table} WHERE time >= %s AND time < %s"
                assert cursor.execute(statement, (first, first + timedelta(days=1))) == forgotten
                connection.commit()

            return seconds_of(work)

        measured = []
        for number in range(sizes.days - 2):
            _settle(server)
            measured.append((forget(number), delete(_TWIN, number), delete(_WHOLE, number)))
    store.close()
    mine, twin, whole = zip(*measured, strict=True)
    pairs, from_whole = Pairs(mine, twin), Pairs(mine, whole)
    value = f"{pairs.show(milliseconds)}; to DELETE from a table without partitions {from_whole.ratio:.2f}"
    name = f"forgetting a day of {forgotten:,} rows on MariaDB, drop_before / DELETE"
    return Figure(name, value, "at most 0.2", pairs.ratio <= 0.2)


def _twins() -> list[str]:
    """Return what copies the table: with its partitions, if it has any, and without.

    The server must not gather their statistics anew: whoever drops a partition meanwhile waits for that.
    """
    return [
        f"CREATE TABLE {_TWIN} LIKE {predictions.name}",
        f"CREATE TABLE {_WHOLE} LIKE {predictions.name}",
        f"ALTER TABLE {_WHOLE} REMOVE PARTITIONING",
        f"ALTER TABLE {_WHOLE} STATS_AUTO_RECALC=0",
        f"ALTER TABLE {_TWIN} STATS_AUTO_RECALC=0",
        f"INSERT INTO {_TWIN} SELECT * FROM {predictions.name}",
        f"INSERT INTO {_WHOLE} SELECT * FROM {predictions.name}",
    ]


def _settle(server: MariaDbServer) -> None:
    """Wait until the server has cleared away what DELETE only marked, and the disk has written what was loaded.

    The former is a cost of DELETE that is not even counted; whoever drops a partition meanwhile sleeps for a second
    (``purge_sys_t::stop_FTS`` of MariaDB 10.11). A drop is on the disk when it returns, and would wait for the latter;
    a DELETE is not, on a server for tests, and would not.
    """
    query = f"SELECT count FROM information_schema.innodb_metrics WHERE name = '{_PURGED}'"
    before, purged = None, server.execute(query)
    while purged != before:
        time.sleep(_PURGE_PAUSE_SECONDS)
        before, purged = purged, server.execute(query)
    os.sync()


def _assert_equal(dropped: dict[str, int], predictions: int) -> None:
    assert dropped["predictions"] == predictions, dropped
