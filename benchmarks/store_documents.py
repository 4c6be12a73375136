"""Documents: models put by four processes at once, and what an insert costs beside many recorded predictions.

The control is stock TinyDB: its storage rewrites the file in place, and all its tables lie in that one file.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from tinydb import TinyDB

from benchmarks.figures import (
    MODEL,
    PROCESSES,
    Figure,
    Sizes,
    a_batch,
    a_model,
    in_turns,
    milliseconds,
    progress,
    seconds_of,
    together,
    wait_for_the_others,
)
from ml_core.errors import StoreUnavailable
from ml_core.store.base import Store
from ml_core.store.json_store import JsonStore
from ml_core.store.opening import open_store

_LOADED_AT_ONCE = 10_000


def measure(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Yield the figures of documents."""
    yield _four_processes(sizes, folder)
    yield _insert_beside_predictions(sizes, folder)


def _four_processes(sizes: Sizes, folder: Path) -> Figure:
    count = sizes.documents_per_process
    progress(f"documents: {PROCESSES} processes put {count} models each")
    url = f"json:///{folder / 'four'}"
    refused = together(_put_models, [(url, number, count) for number in range(PROCESSES)])
    kept = {model.name for model in open_store(url).list_models()}
    expected = {_name(process, number) for process in range(PROCESSES) for number in range(count)}

    stock = folder / "stock.json"
    together(_put_into_tinydb, [(stock, number, count) for number in range(PROCESSES)])
    left = len(_names_in_tinydb(stock) & expected)
    value = f"{len(kept & expected):,} of {len(expected):,} kept, {sum(refused)} refused; stock TinyDB kept {left:,}"
    return Figure(
        f"documents put by {PROCESSES} processes",
        value,
        f"{len(expected):,} of {len(expected):,}",
        kept == expected,
        left < len(expected),
    )


def _put_models(argument: tuple[str, int, int]) -> int:
    url, process, count = argument
    store, refused = open_store(url), 0
    wait_for_the_others()
    for number in range(count):
        try:
            store.put_model(a_model(_name(process, number)))
        except StoreUnavailable as error:
            progress(f"documents: refused: {error.message}")
            refused += 1
    return refused


def _put_into_tinydb(argument: tuple[Path, int, int]) -> str | None:
    path, process, count = argument
    with TinyDB(path) as database:
        wait_for_the_others()
        try:
            for number in range(count):
                database.insert({"name": _name(process, number)})
        except (json.JSONDecodeError, UnicodeDecodeError, TypeError, KeyError, ValueError) as error:
            return repr(error)  # another process wrote at the same moment: this is what the control is for
    return None


def _names_in_tinydb(path: Path) -> set[str]:
    try:
        return {document["name"] for document in json.loads(path.read_bytes())["_default"].values()}
    except (json.JSONDecodeError, UnicodeDecodeError):
        return set()


def _name(process: int, number: int) -> str:
    return f"model-{process}-{number}"


def _insert_beside_predictions(sizes: Sizes, folder: Path) -> Figure:
    progress(f"documents: insert beside {sizes.many_predictions:,} and {sizes.few_predictions:,} predictions")
    many, few = (
        _store_with(folder / f"store-{rows}", rows) for rows in (sizes.many_predictions, sizes.few_predictions)
    )
    pairs = in_turns(
        sizes.rounds, lambda number: _insert(many, number, sizes), lambda number: _insert(few, number, sizes)
    )
    stock_many, stock_few = (
        _tinydb_with(folder / f"stock-{rows}.json", rows) for rows in (sizes.many_predictions, sizes.few_predictions)
    )
    stock = in_turns(
        min(3, sizes.rounds),
        lambda number: seconds_of(lambda: stock_many.table("models").insert({"name": f"model-{number}"})),
        lambda number: seconds_of(lambda: stock_few.table("models").insert({"name": f"model-{number}"})),
    )
    stock_many.close()
    stock_few.close()
    return Figure(
        f"document insert beside {sizes.many_predictions:,} predictions / beside {sizes.few_predictions:,}",
        f"{pairs.show(milliseconds)}; stock TinyDB {stock.ratio:.1f}",
        "at most 1.5",
        pairs.ratio <= 1.5,
        stock.ratio > 1.5,
    )


def _store_with(folder: Path, predictions: int) -> Store:
    store = JsonStore(folder)
    now = datetime.now(UTC)
    for start in range(0, predictions, _LOADED_AT_ONCE):
        store.record_predictions(MODEL, a_batch(now, min(_LOADED_AT_ONCE, predictions - start)), new_ids=True)
    store.put_model(a_model("first"))
    return store


def _insert(store: Store, number: int, sizes: Sizes) -> float:
    """Return the median time of one insert."""
    names = [f"model-{number}-{each}" for each in range(sizes.inserts_per_round)]
    return statistics.median(seconds_of(lambda name=name: store.put_model(a_model(name))) for name in names)  # type: ignore[misc]


def _tinydb_with(path: Path, predictions: int) -> TinyDB:
    database = TinyDB(path)
    rows = a_batch(datetime.now(UTC), predictions)
    database.table("predictions").insert_multiple(
        {"prediction_id": row.prediction_id, "time": row.time.isoformat(), "value": row.value, "features": row.features}
        for row in rows
    )
    return database
