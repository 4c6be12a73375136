"""What every store promises of compaction for all kinds of records, also those that come late, are copied, or go."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from ml_core.ids import new_id
from ml_core.records import Receipt
from ml_core.store.base import Store
from ml_core.store.copying import copy_store
from ml_core.store.json_store import JsonStore
from ml_core.store.names import RECORD_KINDS
from ml_core.store.progress import no_progress
from tests.factories import NOON, a_forecast, a_point, a_prediction, a_truth, an_observation
from tests.snapshots import everything, fill

MODEL = "housing_price"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LATER = NOON + 60 * DAY


def compact(store: Store) -> None:
    store.compact(LATER, lambda line: None)


def add_late_rows(store: Store) -> None:
    """Record rows of every kind in days that were compacted, some of them in the place of others."""
    store.record_predictions(MODEL, [a_prediction(NOON, prediction_id="late"), a_prediction(NOON - DAY)])
    store.record_truths(MODEL, [a_truth("late", 5.0), a_truth("order-3", 9.0, correct=True)])
    rows = [an_observation(NOON, 7.0, correct=True), an_observation(NOON + 30 * MINUTE, 8.0)]
    assert store.record_observations("web/cpu", rows) == Receipt(accepted=2)
    store.put_metric_points([a_point(total=99.0, total_of_squares=9801.0), a_point(NOON + 7 * HOUR)])
    store.put_forecast(a_forecast(NOON + HOUR, hours=40))


def test_everything_is_the_same_after_it_also_when_rows_come_late(store: Store) -> None:
    fill(store)
    before = everything(store)
    compact(store)
    assert everything(store) == before
    add_late_rows(store)
    with_late_rows = everything(store)
    assert with_late_rows != before
    compact(store)
    assert everything(store) == with_late_rows
    assert store.verify(no_progress).problems == ()


def test_late_rows_count_as_they_would_without_it(store: Store, tmp_path: Path) -> None:
    other = JsonStore(tmp_path / "never compacted")
    row = a_prediction(NOON - DAY, prediction_id=new_id(NOON - DAY))
    fill(store)
    store.record_predictions(MODEL, [row])
    copy_store(store, other, no_progress)
    compact(store)
    for each in (store, other):
        assert each.record_predictions(MODEL, [row]) == Receipt(duplicates=1)
        assert each.record_observations("web/cpu", [an_observation(value=1.0)]) == Receipt(duplicates=1)
        assert each.record_observations("web/cpu", [an_observation(value=3.0)]).rejected != ()
        assert each.record_truths("churn", [a_truth("without prediction", "label")]) == Receipt(duplicates=1)
    assert store.count_records() == other.count_records()


def test_sums_by_the_hour_are_the_same_after_it(store: Store) -> None:
    rows = [a_prediction(NOON + number * HOUR, value=float(number), prediction_id=f"{number}") for number in range(90)]
    store.record_predictions(MODEL, rows)
    ranges = [(NOON - DAY, NOON + 9 * DAY, DAY), (NOON + HOUR, NOON + 3 * DAY, timedelta(hours=6))]
    before = [store.summarise_predictions(MODEL, *each) for each in ranges]
    for late in range(2):
        compact(store)
        assert all(
            store.summarise_predictions(MODEL, *each).equals(frame) for each, frame in zip(ranges, before, strict=True)
        )
        store.record_predictions(MODEL, [a_prediction(NOON + DAY, value=1e6, prediction_id=f"late {late}")])
        assert store.summarise_predictions(MODEL, *ranges[0])["count"].sum() == 91 + late
        before = [store.summarise_predictions(MODEL, *each) for each in ranges]


def test_what_was_compacted_is_erased_and_forgotten_as_before(store: Store, tmp_path: Path) -> None:
    other = JsonStore(tmp_path / "never compacted")
    fill(store)
    copy_store(store, other, no_progress)
    compact(store)
    for each in (store, other):
        assert each.erase(MODEL, ["order-2", "order-19", "unknown"]).found == 2
    assert everything(store) == everything(other)
    # Rows go by whole days: some stay.
    limit = NOON.replace(day=7)
    assert store.drop_before(limit, RECORD_KINDS) == other.drop_before(limit, RECORD_KINDS)
    assert everything(store) == everything(other)
    compact(store)
    assert store.drop_before(LATER, RECORD_KINDS) == other.drop_before(LATER, RECORD_KINDS)
    assert not any(store.count_records().values())
    assert store.verify(no_progress).problems == ()


def test_a_copy_of_what_was_compacted_is_equal(store: Store, tmp_path: Path) -> None:
    fill(store)
    compact(store)
    add_late_rows(store)
    packed = JsonStore(tmp_path / "packed")
    copy_store(store, packed, no_progress)
    assert everything(packed) == everything(store)
    compact(packed)
    again = JsonStore(tmp_path / "again")
    copy_store(packed, again, no_progress)
    assert everything(again) == everything(store)
