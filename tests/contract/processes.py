"""Work on one store by several processes at the same moment, and the pieces of work."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from typing import Any

from ml_core.records import Document, Model, Receipt, StageChange
from ml_core.store.base import Store
from ml_core.store.opening import open_store
from tests.factories import NOON, a_forecast, a_point, a_prediction, a_truth, a_version, an_observation

MODEL = "housing_price"
SERIES = "web/cpu"
_PROCESSES = 8
_LEAD_SECONDS = 0.15


class ProcessGroup:
    """Processes that stay up between tests, since starting one takes longer than most tests."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__])
        self._executor = ProcessPoolExecutor(_PROCESSES, mp_context=context)
        for future in [self._executor.submit(time.sleep, _LEAD_SECONDS) for _ in range(_PROCESSES)]:
            future.result()

    def run(self, url: str, work: Callable[[Store, Any], Any], arguments: Sequence[Any]) -> list[Any]:
        """Return ``work(store, argument)`` for each argument, each done by another process, all at once."""
        assert len(arguments) <= _PROCESSES
        start = time.time() + _LEAD_SECONDS
        futures = [self._executor.submit(_run_at, start, url, work, argument) for argument in arguments]
        return [future.result() for future in futures]

    def close(self) -> None:
        """End the processes."""
        self._executor.shutdown()


def _run_at(start: float, url: str, work: Callable[[Store, Any], Any], argument: Any) -> Any:
    store = open_store(url)
    try:
        # Nobody is done before all have begun: so each piece of work has a process of its own.
        time.sleep(max(0.0, start - time.time()))
        return work(store, argument)
    finally:
        store.close()


def put_model(store: Store, model: Model) -> bool:
    """Put one model."""
    return store.put_model(model)


def add_versions(store: Store, count: int) -> list[int]:
    """Add versions; return their numbers."""
    return [store.add_version(a_version(MODEL)).number for _ in range(count)]


def change_stage(store: Store, change: StageChange) -> bool:
    """Change the champion."""
    return store.change_stage(MODEL, change)


def promote_on_top(store: Store, version: int) -> int:
    """Promote a version over whatever is champion; return how often another process was first."""
    refused = 0
    while True:
        model = store.get_model(MODEL)
        assert model is not None
        if store.change_stage(MODEL, StageChange(NOON, "promote", version, model.champion)):
            return refused
        refused += 1


def record_new_predictions(store: Store, batches: int) -> Receipt:
    """Record batches of 50 predictions with ids of their own; return the sum of the receipts."""
    accepted = 0
    for _ in range(batches):
        rows = [a_prediction(NOON + timedelta(milliseconds=number)) for number in range(50)]
        accepted += store.record_predictions(MODEL, rows, new_ids=True).accepted
    return Receipt(accepted)


def record_foreign_ids(store: Store, version: int) -> Receipt:
    """Record predictions ``order-0`` to ``order-99`` at NOON, made by one version."""
    rows = [a_prediction(prediction_id=f"order-{number}", version=version) for number in range(100)]
    return store.record_predictions(MODEL, rows)


def record_foreign_ids_later(store: Store, minutes: int) -> Receipt:
    """Record predictions ``order-0`` to ``order-99``, some minutes after NOON."""
    time = NOON + timedelta(minutes=minutes)
    rows = [a_prediction(time, prediction_id=f"order-{number}") for number in range(100)]
    return store.record_predictions(MODEL, rows)


def record_truths(store: Store, value: float) -> Receipt:
    """Record one value as the truth of ``order-0`` to ``order-99``."""
    return store.record_truths(MODEL, [a_truth(f"order-{number}", value) for number in range(100)])


def correct_truths(store: Store, value: float) -> Receipt:
    """Record one value as the corrected truth of ``order-0`` to ``order-99``."""
    return store.record_truths(MODEL, [a_truth(f"order-{number}", value, correct=True) for number in range(100)])


def run_slots(store: Store, count: int) -> list[int]:
    """Claim slot after slot and finish those that were got; return them."""
    got = []
    for number in range(count):
        lease = store.claim_run(
            "race", NOON + timedelta(hours=number), now=NOON, lease=timedelta(1), holder="a process"
        )
        if lease is not None:
            assert store.finish_run(lease, now=NOON, state="done")
            got.append(number)
    return got


def run_slots_naively(store: Store, count: int) -> list[int]:
    """Run each slot that is not in the history, and note it there afterwards; return those that were run."""
    got = []
    for number in range(count):
        slot = NOON + timedelta(hours=number)
        if slot not in {run.slot for run in store.list_runs("race", newest=count)}:
            time.sleep(0.002)  # the work
            store.claim_run("race", slot, now=NOON, lease=timedelta(1), holder="a process")
            got.append(number)
    return got


def record_observations(store: Store, value: float) -> Receipt:
    """Record one value as that of 100 minutes."""
    rows = [an_observation(NOON + timedelta(minutes=number), value) for number in range(100)]
    return store.record_observations(SERIES, rows)


def put_forecasts(store: Store, version: int) -> None:
    """Replace a forecast of 60 hours, over four days, by the same one of another version."""
    for _ in range(15):
        store.put_forecast(a_forecast(hours=60, series=SERIES, version=version))


def put_or_read_forecasts(store: Store, number: int) -> list[set[int]]:
    """Replace that forecast, every second process, or read it; return the versions of readings that mixed them."""
    if number % 2:
        put_forecasts(store, number)
        return []
    frames = [store.forecasts(SERIES, NOON, NOON + timedelta(days=4)) for _ in range(15)]
    assert {len(frame) for frame in frames} == {60}
    return [set(frame["version"]) for frame in frames if frame["version"].nunique() > 1]


def put_points(store: Store, number: int) -> None:
    """Put 100 points whose count is a number."""
    store.put_metric_points([a_point(NOON + timedelta(hours=hour), count=number) for hour in range(100)])


def count_up(store: Store, count: int) -> list[int]:
    """Add 1 to the number in a document, again and again; return the revisions that this has made."""
    won: list[int] = []
    while len(won) < count:
        read = store.get_document("counter", "race")
        revision, number = (None, 0) if read is None else (read.revision, read.content["number"])
        stored = store.put_document("counter", "race", {"number": number + 1}, expected_revision=revision)
        if stored is not None:
            won.append(stored.revision)
    return won


def put_document(store: Store, change: tuple[int, int | None]) -> Document | None:
    """Put a number into a document that is expected at a revision."""
    number, expected_revision = change
    return store.put_document("counter", "race", {"number": number}, expected_revision=expected_revision)


def delete_document(store: Store, revision: int) -> bool:
    """Delete the document."""
    return store.delete_document("counter", "race", expected_revision=revision)


def record_hours(store: Store, number: int) -> int:
    """Record 400 predictions in the same hours as everybody else, and erase 100 of them; return how many were new."""
    accepted = 0
    for batch in range(20):
        rows = [
            a_prediction(NOON + timedelta(hours=batch % 3), prediction_id=f"{number}-{batch}-{row}", value=float(row))
            for row in range(20)
        ]
        accepted += store.record_predictions(MODEL, rows).accepted
        assert store.erase(MODEL, [f"{number}-{batch}-{row}" for row in range(5)]).found == 5
        store.summarise_predictions(MODEL, NOON - timedelta(2), NOON + timedelta(2), timedelta(hours=1))
    return accepted
