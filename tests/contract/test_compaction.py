"""What every store promises of compaction: nothing that it returns changes, whatever others do meanwhile."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

from ml_core.ids import new_id
from ml_core.records import Receipt
from ml_core.store.base import Store
from tests.factories import NOON, a_model, a_prediction, a_truth

MODEL = "housing_price"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
IDS = [f"order-{number}" for number in range(50)] + [new_id(NOON - number * HOUR) for number in range(100)]


def fill(store: Store) -> None:
    store.put_model(a_model())
    store.record_predictions(
        MODEL, [a_prediction(NOON - number * HOUR, prediction_id=each) for number, each in enumerate(IDS)]
    )
    for value in (1.0, 2.0):
        received = NOON + value * HOUR
        store.record_truths(MODEL, [a_truth(each, value, correct=True, received_time=received) for each in IDS[::2]])
    for number in range(3):
        lease = store.claim_run("nightly", NOON - number * 40 * DAY, now=NOON, lease=HOUR, holder="me")
        assert lease is not None
        for minutes in range(3):
            assert store.renew_run(lease, now=NOON + timedelta(minutes=minutes), lease=HOUR) is not None


def all_that_is_returned(store: Store) -> list[Any]:
    start, end = NOON - 100 * DAY, NOON + 100 * DAY
    frames = [
        store.predictions(MODEL, start, end),
        store.predictions(MODEL, start, end, newest=7),
        store.scored(MODEL, start, end),
        store.scored(MODEL, start, end, known_at=NOON + HOUR),
    ]
    return [
        *(frame.astype(object).where(frame.notna(), None).to_dict("records") for frame in frames),
        store.count_predictions(MODEL, start, end, DAY),
        store.last_prediction_time(MODEL),
        store.count_records(),
        store.list_runs("nightly", newest=10),
        store.list_jobs(),
        store.list_models(),
    ]


def counted(store: Store) -> dict[str, dict[str, int]]:
    return {kind: counts for kind, counts in store.count_records().items() if counts}


def test_what_is_returned_is_the_same_before_and_after(store: Store) -> None:
    fill(store)
    before = all_that_is_returned(store)
    lines: list[str] = []
    done = store.compact(NOON + 60 * DAY, lines.append)
    assert done.parts == len(lines) > 0
    assert done.bytes_before > 0
    assert done.damaged == 0
    assert all_that_is_returned(store) == before
    store.compact(NOON + 60 * DAY, lines.append)
    assert all_that_is_returned(store) == before


def test_an_empty_store_can_be_compacted(store: Store) -> None:
    assert store.compact(NOON, lambda line: None).superseded == 0
    assert counted(store) == {}


def test_ids_are_stored_once_corrected_and_erased_as_before(store: Store) -> None:
    fill(store)
    store.compact(NOON + DAY, lambda line: None)
    again = [a_prediction(NOON - number * HOUR, prediction_id=each) for number, each in enumerate(IDS)]
    assert store.record_predictions(MODEL, again) == Receipt(duplicates=len(IDS))
    assert store.record_truths(MODEL, [a_truth(IDS[0], 2.0), a_truth(IDS[-2], 2.0)]) == Receipt(duplicates=2)
    late = [a_prediction(NOON - 2 * DAY), a_prediction(NOON - 2 * DAY, prediction_id="late")]
    assert store.record_predictions(MODEL, late) == Receipt(accepted=2)
    assert store.record_truths(MODEL, [a_truth("late", 5.0), a_truth(late[0].prediction_id, 6.0)]) == Receipt(2)
    store.compact(NOON + DAY, lambda line: None)
    assert store.record_predictions(MODEL, late) == Receipt(duplicates=2)
    assert store.erase(MODEL, ["late", late[0].prediction_id, *IDS[:10], *IDS[-10:]]).found == 22
    assert counted(store) == {
        "predictions": {MODEL: len(IDS) - 20},
        "ground_truths": {MODEL: len(IDS[::2]) - 10},
    }
    assert store.drop_before(NOON - DAY)["predictions"] > 0
    assert store.predictions(MODEL, NOON - 100 * DAY, NOON - 2 * DAY).empty
    store.compact(NOON + DAY, lambda line: None)
    assert store.drop_before(NOON + 9 * DAY)["ground_truths"] > 0
    assert counted(store) == {}


def test_others_write_and_read_while_it_is_done(store: Store) -> None:
    fill(store)
    done, failed = threading.Event(), list[Exception]()

    def compact() -> None:
        try:
            for _ in range(5):
                store.compact(NOON + 60 * DAY, lambda line: None)
        except Exception as error:
            failed.append(error)
        done.set()

    compacting = threading.Thread(target=compact)
    compacting.start()
    recorded = 0
    while not done.is_set() or recorded < 5:
        assert store.record_predictions(MODEL, [a_prediction(NOON), a_prediction(NOON - DAY)]).accepted == 2
        recorded += 1
        frame = store.predictions(MODEL, NOON - 100 * DAY, NOON + DAY)
        assert frame["prediction_id"].nunique() == len(frame) == len(IDS) + 2 * recorded
    compacting.join()
    assert failed == []
