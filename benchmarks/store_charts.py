"""A chart of 30 days on MariaDB, drawn from rollups and from the rows, over a million predictions and over four.

Some of them are recorded through the store. The others are copied from them inside the database, at nearly the same
times, and so are the rollups, until an hour has as many as its writers could leave at most.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NamedTuple
from urllib.parse import urlsplit

import pandas as pd
from pandas.testing import assert_frame_equal
from sqlalchemy import Table

from benchmarks.figures import (
    DAY,
    MODEL,
    Figure,
    Pairs,
    Sizes,
    a_day,
    in_turns,
    milliseconds,
    progress,
    seconds_of,
)
from benchmarks.store_batches import connect
from ml_core.store.base import SUMMARY_COLUMNS
from ml_core.store.opening import open_store
from ml_core.store.sql_rollups import SHARDS
from ml_core.store.tables import prediction_rollups, predictions
from tests.mariadb import MariaDbServer

_QUERY = (
    "SELECT DATE(time) AS day, COUNT(*), COUNT(value), AVG(value), STDDEV_POP(value)"
    f" FROM {predictions.name} WHERE model = %s AND time >= %s AND time < %s GROUP BY day ORDER BY day"
)
_CUT = timedelta(minutes=20)


class _Drawn(NamedTuple):
    """What draws a chart: of whole hours, of hours cut at both ends, and the latter from the rows alone."""

    whole: Callable[[], pd.DataFrame]
    cut: Callable[[], pd.DataFrame]
    from_rows: Callable[[], pd.DataFrame]


def measure(server: MariaDbServer, sizes: Sizes) -> Iterator[Figure]:
    """Yield the figures of charts."""
    end = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) + (sizes.chart_days - 7) * DAY
    times = sizes.grown_days // sizes.days
    with ExitStack() as stack:
        small = _charts(server, stack, end, sizes.models, sizes)
        grown = _charts(server, stack, end, sizes.models * times, sizes)
        progress("charts: from rollups and from rows")
        pairs = _compare(sizes.reads, small.cut, small.from_rows)
        whole = _compare(4 * sizes.reads, grown.whole, small.whole)
        cut = _compare(4 * sizes.reads, grown.cut, small.cut)
        from_rows = _compare(min(3, sizes.reads), grown.from_rows, small.from_rows)
    rows = sizes.models * sizes.chart_days * _rows_per_day(sizes)
    yield Figure(
        f"chart of {sizes.chart_days} days with {rows:,} predictions on MariaDB, rollups / GROUP BY",
        pairs.show(milliseconds),
        "at most 0.02",
        pairs.ratio <= 0.02,
    )
    exponent, of_cut, of_rows = (math.log(each.ratio) / math.log(times) for each in (whole, cut, from_rows))
    yield Figure(
        f"growth of that chart in whole hours to {rows * times:,} predictions, exponent",
        f"{exponent:.2f}, ratio {whole.show(milliseconds)}; with cut hours {of_cut:.2f}, from the rows {of_rows:.2f}",
        "at most 0.1",
        exponent <= 0.1,
        of_rows > 0.1,
    )


def _rows_per_day(sizes: Sizes) -> int:
    return sizes.days * sizes.rows_per_day // sizes.chart_days


def _charts(server: MariaDbServer, stack: ExitStack, end: datetime, copies: int, sizes: Sizes) -> _Drawn:
    """Return what draws the charts of a new database."""
    url = server.new_database()
    start = end - sizes.chart_days * DAY
    _load(server, url, start, copies, sizes)
    store = stack.enter_context(closing(open_store(url)))
    connection = stack.enter_context(connect(url))

    def chart(cut: timedelta) -> pd.DataFrame:
        return store.summarise_predictions(MODEL, start + cut, end - cut, DAY)

    def from_rows(cut: timedelta) -> pd.DataFrame:
        bounds = [time.replace(tzinfo=None) for time in (start + cut, end - cut)]
        with connection.cursor() as cursor:
            cursor.execute(_QUERY, (MODEL, *bounds))
            frame = pd.DataFrame(list(cursor.fetchall()), columns=list(SUMMARY_COLUMNS))
        connection.commit()
        frame["start_time"] = pd.to_datetime(frame["start_time"], utc=True).astype("datetime64[us, UTC]")
        return frame

    for cut in (timedelta(0), _CUT):
        assert_frame_equal(chart(cut), from_rows(cut))
    return _Drawn(partial(chart, timedelta(0)), partial(chart, _CUT), partial(from_rows, _CUT))


def _load(server: MariaDbServer, url: str, start: datetime, copies: int, sizes: Sizes) -> None:
    rows_per_day = _rows_per_day(sizes)
    progress(f"charts: loading {copies * sizes.chart_days * rows_per_day:,} predictions into MariaDB")
    with closing(open_store(url)) as store:
        for number in range(sizes.chart_days):
            store.record_predictions(MODEL, a_day(start + number * DAY, rows_per_day), new_ids=True)
    copied = {"time": "time + INTERVAL {0} MICROSECOND", "prediction_id": "CONCAT(prediction_id, '-', {0})"}
    rows = f"INSERT INTO {predictions.name} SELECT {_columns(predictions, copied)} FROM first_rows"
    sums = ("count", "numbers", "total", "total_of_squares")
    added = ", ".join(f"{name} = {prediction_rollups.name}.{name} + VALUES({name})" for name in sums)
    rollups = (
        f"INSERT INTO {prediction_rollups.name} SELECT {_columns(prediction_rollups, {'shard': '{1}'})}"
        f" FROM first_rollups ON DUPLICATE KEY UPDATE {added}"
    )
    server.execute(
        f"USE {urlsplit(url).path.removeprefix('/')}",
        f"CREATE TABLE first_rows AS SELECT * FROM {predictions.name}",
        f"CREATE TABLE first_rollups AS SELECT * FROM {prediction_rollups.name}",
        f"DELETE FROM {prediction_rollups.name}",
        *(rows.format(number) for number in range(1, copies)),
        *(rollups.format(number, number % SHARDS) for number in range(copies)),
        f"ANALYZE TABLE {predictions.name}, {prediction_rollups.name}",
    )


def _columns(table: Table, changed: Mapping[str, str]) -> str:
    return ", ".join(changed.get(column.name, column.name) for column in table.columns)


def _compare(rounds: int, mine: Callable[[], object], control: Callable[[], object]) -> Pairs:
    return in_turns(rounds, lambda number: seconds_of(mine), lambda number: seconds_of(control))
