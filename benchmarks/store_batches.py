"""Batches of durable predictions, recorded by four processes at once: the stores against each other and the driver."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import orjson
import pymysql

from benchmarks.figures import (
    MODEL,
    PROCESSES,
    Figure,
    Sizes,
    a_batch,
    in_turns,
    progress,
    rate,
    together,
    wait_for_the_others,
)
from ml_core.records import Prediction
from ml_core.store.opening import open_store
from ml_core.store.tables import predictions
from tests.mariadb import MariaDbServer

RAW_TABLE = "raw_predictions"
COLUMNS = tuple(predictions.c.keys())


@dataclass(frozen=True, slots=True)
class _Work:
    """What one process is to record, and where."""

    url: str
    model: str
    batches: int
    rows: int


def measure(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Yield the figures of writes."""
    yield from _json_and_sqlite(sizes, folder)
    yield _mariadb_and_driver(sizes)


def _json_and_sqlite(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    for what, models in (
        ("all into one model", [MODEL] * PROCESSES),
        ("each into its own model", [f"model-{number}" for number in range(PROCESSES)]),
    ):
        progress(f"batches: JSON and SQLite, {PROCESSES} processes, {what}")
        urls = {kind: f"{kind}:///{folder / what.replace(' ', '-')}-{kind}" for kind in ("json", "sqlite")}
        pairs = in_turns(
            sizes.rounds,
            lambda number, models=models, url=urls["json"]: _rate(_record, sizes, f"{url}-{number}", models),  # type: ignore[misc]
            lambda number, models=models, url=urls["sqlite"]: _rate(_record, sizes, f"{url}-{number}.db", models),  # type: ignore[misc]
        )
        yield Figure(
            f"batches of {sizes.rows_per_batch:,}, {PROCESSES} processes, {what}, JSON / SQLite (WAL, FULL)",
            pairs.show(rate),
            "at least 3",
            pairs.ratio >= 3,
        )


def _mariadb_and_driver(sizes: Sizes) -> Figure:
    progress(f"batches: MariaDB and PyMySQL, {PROCESSES} processes")
    with mariadb() as server:
        url = server.new_database()
        store = open_store(url)
        store.check()
        store.close()
        name = urlsplit(url).path.removeprefix("/")
        server.execute(f"CREATE TABLE {name}.{RAW_TABLE} LIKE {name}.{predictions.name}")
        models = [MODEL] * PROCESSES
        pairs = in_turns(
            sizes.rounds,
            lambda number: _rate(_record, sizes, url, models),
            lambda number: _rate(_record_raw, sizes, url, models),
        )
    return Figure(
        f"batches of {sizes.rows_per_batch:,}, {PROCESSES} processes, MariaDB store / PyMySQL executemany",
        pairs.show(rate),
        "at least 0.8",
        pairs.ratio >= 0.8,
    )


def _rate(work: Callable[[_Work], tuple[float, float]], sizes: Sizes, url: str, models: Sequence[str]) -> float:
    store = open_store(url)
    store.check()
    store.close()
    jobs = [_Work(url, model, sizes.batches_per_process, sizes.rows_per_batch) for model in models]
    times: list[tuple[float, float]] = together(work, jobs)
    seconds = max(end for _, end in times) - min(start for start, _ in times)
    return len(models) * sizes.batches_per_process * sizes.rows_per_batch / seconds


def _batches(work: _Work) -> list[list[Prediction]]:
    now = datetime.now(UTC)
    return [a_batch(now, work.rows) for _ in range(work.batches + 1)]


def _record(work: _Work) -> tuple[float, float]:
    """Record through a store of the suite; return when the first batch began and when the last one was durable."""
    first, *others = _batches(work)
    store = open_store(work.url)
    store.record_predictions(work.model, first, new_ids=True)  # what is done but once does not count
    start = wait_for_the_others()
    for batch in others:
        receipt = store.record_predictions(work.model, batch, new_ids=True)
        assert receipt.accepted == len(batch), receipt
    end = time.monotonic()
    store.close()
    return start, end


def _record_raw(work: _Work) -> tuple[float, float]:
    """Record the same rows into a table of the same shape, with nothing but the driver."""
    first, *others = _batches(work)
    statement = f"INSERT INTO {RAW_TABLE} ({', '.join(COLUMNS)}) VALUES ({', '.join(['%s'] * len(COLUMNS))})"
    with connect(work.url) as connection, connection.cursor() as cursor:
        for number, batch in enumerate([first, *others]):
            if number == 1:
                start = wait_for_the_others()
            cursor.executemany(statement, [_raw_row(work.model, row) for row in batch])
            connection.commit()
        return start, time.monotonic()


@contextmanager
def mariadb() -> Iterator[MariaDbServer]:
    """Give a server of its own, with memory enough that the disk does not come between the measurements."""
    server = MariaDbServer()
    try:
        server.execute(f"SET GLOBAL innodb_buffer_pool_size = {2**30}", f"SET GLOBAL innodb_log_file_size = {2**29}")
        yield server
    finally:
        server.remove()


def connect(url: str) -> pymysql.Connection[pymysql.cursors.Cursor]:
    """Connect to the database at a URL with the driver alone."""
    parts = urlsplit(url)
    return pymysql.connect(
        host=parts.hostname,
        port=parts.port or 3306,
        user=parts.username,
        password=parts.password or "",
        database=parts.path.removeprefix("/"),
    )


def _raw_row(model: str, row: Prediction) -> tuple[object, ...]:
    columns = {
        "model": model,
        "time": row.time.replace(tzinfo=None),
        "prediction_id": row.prediction_id,
        "version": row.version,
        "value": row.value,
        "label": None,
        "score": row.score,
        "scores": row.scores,
        "features": orjson.dumps(row.features).decode(),
    }
    return tuple(columns[name] for name in COLUMNS)
