"""When the overview and /metrics ask MariaDB for the newest prediction of each model: at once, and one by one.

One by one is how the contract's own default does it. Both are asked in turns, of models with a few predictions and of
as many with more.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.figures import DAY, Figure, Sizes, a_model, features, in_turns, milliseconds, progress, seconds_of
from benchmarks.store_batches import mariadb
from ml_core.ids import new_id
from ml_core.records import Prediction
from ml_core.store.base import Store
from ml_core.store.opening import open_store

_DAYS = 10
_MODELS_PER_WATCHED = 20
_MORE = 20


def measure(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Yield the figures of many models."""
    models = sizes.watched_models * _MODELS_PER_WATCHED
    with mariadb() as server, ExitStack() as stack:
        few, more = (stack.enter_context(closing(open_store(server.new_database()))) for _ in range(2))
        for store, rows in ((few, _DAYS), (more, _DAYS * _MORE)):
            progress(f"models: {models:,} with {rows} predictions each")
            _fill(store, models, rows)
            assert store.last_prediction_times() == Store.last_prediction_times(store)
        progress("models: the newest prediction of each, in turns")
        pairs = in_turns(2 * sizes.rounds, lambda _: _at_once(few), lambda _: _one_by_one(few))
        growth = in_turns(4 * sizes.rounds, lambda _: _at_once(more), lambda _: _at_once(few))
    yield Figure(
        f"newest predictions of {models:,} models on MariaDB, at once / one by one",
        pairs.show(milliseconds),
        "at most 0.2",
        pairs.ratio <= 0.2,
    )
    yield Figure(
        f"the same at once with {_MORE} times the predictions",
        growth.show(milliseconds),
        "at most 2",
        growth.ratio <= 2,
    )


def _fill(store: Store, models: int, rows: int) -> None:
    end = datetime.now(UTC)
    times = [end - _DAYS * DAY * row / rows + timedelta(seconds=1) for row in range(rows)]
    for number in range(models):
        model = a_model(f"model-{number:04d}")
        store.put_model(model)
        made = [Prediction(new_id(time), time, features(row), float(row)) for row, time in enumerate(times)]
        store.record_predictions(model.name, made, new_ids=True)


def _at_once(store: Store) -> float:
    return seconds_of(store.last_prediction_times)


def _one_by_one(store: Store) -> float:
    return seconds_of(lambda: Store.last_prediction_times(store))
