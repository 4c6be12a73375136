"""What was answered is written soon, kept while the store is away, and never dropped silently."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml_core.batched_log import BatchedLog, Served
from ml_core.errors import StoreUnavailable
from ml_core.ids import new_id
from ml_core.masking import Masking
from ml_core.records import Prediction, Receipt
from ml_core.store.json_store import JsonStore
from tests.factories import NOON, a_model
from tests.processes import eventually

MODEL = "detector"


class Gate(JsonStore):
    """An embedded store that can be told to be away, or to hang until it is let go."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.away = False
        self.open = threading.Event()
        self.open.set()
        self.new_ids: list[bool] = []

    def record_predictions(self, model: str, rows: Sequence[Prediction], *, new_ids: bool = False) -> Receipt:
        self.open.wait(20)
        self.new_ids.append(new_ids)
        if self.away:
            raise StoreUnavailable("the disk is full")
        return super().record_predictions(model, rows, new_ids=new_ids)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Gate]:
    """An embedded store with the model."""
    gate = Gate(tmp_path / "store")
    gate.put_model(a_model(MODEL, task="anomaly"))
    yield gate
    gate.close()


def served(*rows: Sequence[float], **changes: Any) -> Served:
    values: dict[str, Any] = {
        "version": 3,
        "time": NOON,
        "names": ("mean", "sd"),
        "prediction_ids": [new_id(NOON) for _ in range(max(1, len(rows)))],
        "rows": rows or ((1.0, 2.0),),
        "values": [1.0] * max(1, len(rows)),
        "scores": [-0.4] * max(1, len(rows)),
    }
    return Served(**values | changes)


def stored(store: JsonStore) -> list[str]:
    day = timedelta(days=1)
    return [str(each) for each in store.predictions(MODEL, NOON - day, NOON + day)["prediction_id"]]


def test_what_was_served_is_in_the_store_within_a_second(store: Gate) -> None:
    log = BatchedLog(store, MODEL)
    one = served()
    log.add(one)
    eventually(lambda: stored(store) == [one.prediction_ids[0]])
    log.close()


def test_many_rows_may_come_as_arrays(store: Gate) -> None:
    log = BatchedLog(store, MODEL)
    rows, values, scores = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, -1.0]), np.array([-0.4, -0.9])
    many = served((1.0, 2.0), (3.0, 4.0), rows=rows, values=values, scores=scores)
    log.add(many)
    log.close()
    frame = store.predictions(MODEL, NOON, NOON + timedelta(seconds=1)).set_index("prediction_id")
    assert frame.loc[list(many.prediction_ids), "score"].tolist() == [-0.4, -0.9]
    assert frame.loc[many.prediction_ids[1], "features"] == {"mean": 3.0, "sd": 4.0}


def test_a_row_is_stored_as_it_was_answered(store: Gate) -> None:
    log = BatchedLog(store, MODEL, Masking(("*.sd",)))
    log.add(served((1.5, 2.5), values=[-1.0], scores=[-0.75]))
    log.close()
    (row,) = store.predictions(MODEL, NOON, NOON + timedelta(seconds=1)).to_dict("records")
    assert (row["value"], row["score"], row["version"], row["features"]) == (-1.0, -0.75, 3, {"mean": 1.5, "sd": None})


def test_with_sync_a_row_is_in_the_store_when_it_is_taken(store: Gate) -> None:
    log = BatchedLog(store, MODEL, sync=True)
    one = served()
    log.add(one)
    assert stored(store) == [one.prediction_ids[0]]
    store.away = True
    with pytest.raises(StoreUnavailable, match="the disk is full"):
        log.add(served())
    log.close()


def test_no_thread_is_there_before_the_first_row(store: Gate) -> None:
    before = threading.active_count()
    log = BatchedLog(store, MODEL)
    assert threading.active_count() == before
    log.close()


def test_while_the_store_takes_nothing_answers_are_refused_and_what_waits_is_kept(store: Gate) -> None:
    log = BatchedLog(store, MODEL)
    store.away = True
    waiting = served()
    log.add(waiting)
    eventually(lambda: bool(log.notices()))
    assert log.notices() == ["predictions are refused, for they cannot be logged: the disk is full"]
    with pytest.raises(StoreUnavailable, match="the disk is full"):
        log.add(served())
    store.away = False
    eventually(lambda: not log.notices())
    after = served()
    log.add(after)
    log.close()
    assert sorted(stored(store)) == sorted([waiting.prediction_ids[0], after.prediction_ids[0]])


def test_what_failed_may_be_in_the_store_already_and_is_looked_up(store: Gate) -> None:
    log = BatchedLog(store, MODEL)
    store.away = True
    one = served()
    log.add(one)
    eventually(lambda: len(store.new_ids) >= 2)
    # As if the first attempt had been durable, and only its answer lost.
    JsonStore.record_predictions(
        store, MODEL, [Prediction(one.prediction_ids[0], NOON, {"mean": 1.0, "sd": 2.0}, 1.0, -0.4, 3)], new_ids=True
    )
    store.away = False
    log.close()
    assert stored(store) == [one.prediction_ids[0]]
    assert store.new_ids[0]
    assert not any(store.new_ids[1:])


def test_an_error_of_ours_is_told_and_what_waits_is_kept(store: Gate, caplog: pytest.LogCaptureFixture) -> None:
    log = BatchedLog(store, MODEL)
    one = served(values=[])  # a value is missing, which cannot be by any request
    log.add(one)
    eventually(lambda: bool(log.notices()))
    assert "the log failed with ValueError" in log.notices()[0]
    assert "Traceback" in caplog.text
    with pytest.raises(StoreUnavailable, match="1 answers could not be logged"):
        log.close()


def test_a_row_that_the_store_rejects_is_told_by_its_id(store: Gate, caplog: pytest.LogCaptureFixture) -> None:
    log = BatchedLog(store, MODEL, sync=True)
    one = served(scores=[float("nan")])
    log.add(one)
    assert f"prediction {one.prediction_ids[0]} was not stored: score expected a finite number" in caplog.text
    log.close()


def test_a_store_that_hangs_stops_the_answers_until_it_has_written(store: Gate) -> None:
    log = BatchedLog(store, MODEL)
    store.open.clear()
    log.add(served())
    time.sleep(1.2)  # longer than a row may wait
    taken = threading.Event()

    def add() -> None:
        log.add(served())
        taken.set()

    late = threading.Thread(target=add)
    late.start()
    assert not taken.wait(0.3)
    store.open.set()
    assert taken.wait(10)
    late.join()
    log.close()
    assert len(stored(store)) == 2


def test_closing_tells_of_what_could_not_be_written(store: Gate) -> None:
    log = BatchedLog(store, MODEL)
    store.away = True
    log.add(served())
    with pytest.raises(StoreUnavailable, match="1 answers could not be logged: the disk is full"):
        log.close()


def test_threads_that_answer_at_once_lose_nothing(store: Gate) -> None:
    log = BatchedLog(store, MODEL)
    ids: list[str] = []

    def answer() -> None:
        for _ in range(200):
            one = served()
            log.add(one)
            ids.append(one.prediction_ids[0])

    threads = [threading.Thread(target=answer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    assert sorted(stored(store)) == sorted(ids)
    assert len(store.new_ids) < 400  # in batches
