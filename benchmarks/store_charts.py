"""A chart of 30 days on MariaDB, drawn from rollups and from the rows, over a million predictions and over four.

Some of them are recorded through the store, by as many connections as there are processes elsewhere, since each may
have rollups of its own. The others are copied from them inside the database, at nearly the same times.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pandas as pd
from pandas.testing import assert_frame_equal

from benchmarks.figures import (
    DAY,
    MODEL,
    PROCESSES,
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
from ml_core.store.tables import prediction_rollups, predictions
from tests.mariadb import MariaDbServer

_QUERY = (
    "SELECT DATE(time) AS day, COUNT(*), COUNT(value), AVG(value), STDDEV_POP(value)"
    f" FROM {predictions.name} WHERE model = %s AND time >= %s AND time < %s GROUP BY day ORDER BY day"
)
_Chart = Callable[[], pd.DataFrame]


def measure(server: MariaDbServer, sizes: Sizes) -> Iterator[Figure]:
    """Yield the figures of charts."""
    # The edges of a chart that is drawn at any moment lie inside hours.
    end = datetime.now(UTC).replace(hour=12, minute=20, second=0, microsecond=0) + (sizes.chart_days - 7) * DAY
    times = sizes.grown_days // sizes.days
    with ExitStack() as stack:
        from_rollups, from_rows = _charts(server, stack, end, sizes.models, sizes)
        grown_from_rollups, grown_from_rows = _charts(server, stack, end, sizes.models * times, sizes)
        progress("charts: from rollups and from rows")
        pairs = _compare(sizes.reads, from_rollups, from_rows)
        growth = _compare(sizes.reads, grown_from_rollups, from_rollups)
        control = _compare(min(3, sizes.reads), grown_from_rows, from_rows)
    rows = sizes.models * sizes.chart_days * _rows_per_day(sizes)
    yield Figure(
        f"chart of {sizes.chart_days} days with {rows:,} predictions on MariaDB, rollups / GROUP BY",
        pairs.show(milliseconds),
        "at most 0.02",
        pairs.ratio <= 0.02,
    )
    exponent, of_rows = (math.log(each.ratio) / math.log(times) for each in (growth, control))
    yield Figure(
        f"growth of that chart from {rows:,} to {rows * times:,} rows, exponent",
        f"{exponent:.2f}, ratio {growth.show(milliseconds)}; from the rows {of_rows:.2f}",
        "at most 0.1",
        exponent <= 0.1,
        of_rows > 0.1,
    )


def _rows_per_day(sizes: Sizes) -> int:
    return sizes.days * sizes.rows_per_day // sizes.chart_days


def _charts(server: MariaDbServer, stack: ExitStack, end: datetime, copies: int, sizes: Sizes) -> tuple[_Chart, _Chart]:
    """Return what draws the chart of a new database from its rollups, and what draws it from its rows."""
    url = server.new_database()
    start = end - sizes.chart_days * DAY
    _load(server, url, start, copies, sizes)
    store = stack.enter_context(closing(open_store(url)))
    connection = stack.enter_context(connect(url))

    def from_rollups() -> pd.DataFrame:
        return store.summarise_predictions(MODEL, start, end, DAY)

    def from_rows() -> pd.DataFrame:
        with connection.cursor() as cursor:
            cursor.execute(_QUERY, (MODEL, start.replace(tzinfo=None), end.replace(tzinfo=None)))
            frame = pd.DataFrame(list(cursor.fetchall()), columns=list(SUMMARY_COLUMNS))
        connection.commit()
        frame["start_time"] = pd.to_datetime(frame["start_time"], utc=True).astype("datetime64[us, UTC]")
        return frame

    assert_frame_equal(from_rollups(), from_rows())
    return from_rollups, from_rows


def _load(server: MariaDbServer, url: str, start: datetime, copies: int, sizes: Sizes) -> None:
    rows_per_day = _rows_per_day(sizes)
    progress(f"charts: loading {copies * sizes.chart_days * rows_per_day:,} predictions into MariaDB")
    with ExitStack() as stack:
        stores = [stack.enter_context(closing(open_store(url))) for _ in range(PROCESSES)]
        for number in range(sizes.chart_days):
            rows = a_day(start + number * DAY, rows_per_day)
            for which, store in enumerate(stores):
                store.record_predictions(MODEL, rows[which::PROCESSES], new_ids=True)
    shifted = {"time": "time + INTERVAL {0} MICROSECOND", "prediction_id": "CONCAT(prediction_id, '-', {0})"}
    selected = ", ".join(shifted.get(each.name, each.name) for each in predictions.columns)
    copying = f"INSERT INTO {predictions.name} SELECT {selected} FROM first_predictions"
    sums = ("count", "numbers", "total", "total_of_squares")
    server.execute(
        f"USE {urlsplit(url).path.removeprefix('/')}",
        f"CREATE TABLE first_predictions AS SELECT * FROM {predictions.name}",
        *(copying.format(number) for number in range(1, copies)),
        f"UPDATE {prediction_rollups.name} SET {', '.join(f'{name} = {name} * {copies}' for name in sums)}",
        f"ANALYZE TABLE {predictions.name}, {prediction_rollups.name}",
    )


def _compare(rounds: int, mine: _Chart, control: _Chart) -> Pairs:
    return in_turns(rounds, lambda number: seconds_of(mine), lambda number: seconds_of(control))
