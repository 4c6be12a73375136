"""What every store promises of ranges of time: which predictions they hold, in what order, and how many."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pandas as pd
import pytest

from ml_core.store.base import PREDICTION_COLUMNS, Store
from tests.factories import NOON, a_model, a_prediction

MODEL = "housing_price"
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
MICROSECOND = timedelta(microseconds=1)


def record_at(store: Store, *times: datetime) -> None:
    store.record_predictions(MODEL, [a_prediction(time) for time in times])


# Ranges of time


def test_a_range_holds_its_start_but_not_its_end(store: Store) -> None:
    times = [NOON - MICROSECOND, NOON, NOON + HOUR - MICROSECOND, NOON + HOUR]
    store.record_predictions(MODEL, [a_prediction(time) for time in times])
    assert store.predictions(MODEL, NOON, NOON + HOUR)["time"].to_list() == times[1:3]
    assert store.predictions(MODEL, NOON, NOON).empty
    assert store.predictions(MODEL, NOON + HOUR, NOON).empty


def test_a_range_may_be_given_and_predictions_made_with_any_offset(store: Store) -> None:
    india = timezone(timedelta(hours=5, minutes=30))
    store.record_predictions(MODEL, [a_prediction(NOON.astimezone(india))])
    frame = store.predictions(MODEL, NOON.astimezone(india), (NOON + MICROSECOND).astimezone(india))
    assert frame["time"].to_list() == [NOON]


def test_predictions_come_oldest_first_across_days_whatever_their_order_of_arrival(store: Store) -> None:
    rows = [a_prediction(NOON + hours * HOUR, prediction_id=f"id{hours}") for hours in range(-60, 60, 5)]
    mixed = random.Random(1).sample(rows, len(rows))
    store.record_predictions(MODEL, mixed[:12])
    store.record_predictions(MODEL, mixed[12:])
    frame = store.predictions(MODEL, NOON - 60 * HOUR, NOON + 60 * HOUR)
    assert frame["prediction_id"].to_list() == [row.prediction_id for row in rows]


def test_predictions_of_one_moment_come_by_id(store: Store) -> None:
    store.record_predictions(MODEL, [a_prediction(prediction_id=name) for name in ("b", "a", "B")])
    assert store.predictions(MODEL, NOON, NOON + HOUR)["prediction_id"].to_list() == ["B", "a", "b"]


@pytest.mark.parametrize(
    ("newest", "expected"), [(0, []), (1, [5]), (4, [2, 3, 4, 5]), (6, list(range(6))), (9, list(range(6)))]
)
def test_the_newest_are_the_last_of_the_range_oldest_first(store: Store, newest: int, expected: list[int]) -> None:
    rows = [a_prediction(NOON + 9 * number * HOUR, value=float(number)) for number in range(8)]
    store.record_predictions(MODEL, rows)
    frame = store.predictions(MODEL, NOON, NOON + 54 * HOUR, newest=newest)
    assert frame["value"].to_list() == expected


def test_the_newest_of_equal_times_are_those_with_the_greatest_ids(store: Store) -> None:
    store.record_predictions(MODEL, [a_prediction(prediction_id=name) for name in "cabd"])
    frame = store.predictions(MODEL, NOON, NOON + HOUR, newest=2)
    assert frame["prediction_id"].to_list() == ["c", "d"]


def test_a_frame_has_the_columns_and_types_of_the_contract(store: Store) -> None:
    rows = [a_prediction(score=0.5), a_prediction(NOON + HOUR, version=None)]
    store.record_predictions(MODEL, rows)
    frame = store.predictions(MODEL, NOON, NOON + 2 * HOUR)
    assert tuple(frame.columns) == PREDICTION_COLUMNS
    assert frame.dtypes.astype(str).to_dict() == {
        "prediction_id": "object",
        "time": "datetime64[us, UTC]",
        "version": "Int64",
        "value": "float64",
        "score": "float64",
        "features": "object",
        "scores": "object",
    }
    assert frame["version"].to_list() == [1, pd.NA]
    assert frame["score"].isna().to_list() == [False, True]


def test_an_empty_frame_has_the_same_columns_and_types(store: Store) -> None:
    store.record_predictions(MODEL, [a_prediction()])
    full, empty = (store.predictions(model, NOON, NOON + HOUR) for model in (MODEL, "wine"))
    assert len(empty) == 0
    assert empty.dtypes.to_dict() == full.dtypes.to_dict()


def test_values_are_objects_where_one_is_a_label(store: Store) -> None:
    store.record_predictions(MODEL, [a_prediction(value=1.5), a_prediction(NOON + HOUR, value="cat")])
    frame = store.predictions(MODEL, NOON, NOON + 2 * HOUR)
    assert frame["value"].dtype == object
    assert frame["value"].to_list() == [1.5, "cat"]
    assert store.predictions(MODEL, NOON, NOON + HOUR)["value"].dtype == "float64"


# Counts and the last time


def test_windows_that_hold_predictions_are_counted_in_order(store: Store) -> None:
    record_at(store, NOON + 3 * HOUR, NOON, NOON + 5 * MINUTE, NOON + HOUR - MICROSECOND, NOON + HOUR)
    counts = store.count_predictions(MODEL, NOON, NOON + 24 * HOUR, HOUR)
    assert list(counts.items()) == [(NOON, 3), (NOON + HOUR, 1), (NOON + 3 * HOUR, 1)]
    assert all(start.utcoffset() == timedelta(0) for start in counts)


def test_windows_are_aligned_to_the_epoch_and_cut_by_start_and_end(store: Store) -> None:
    record_at(store, *(NOON + minutes * MINUTE for minutes in range(0, 180, 10)))
    counts = store.count_predictions(MODEL, NOON + 30 * MINUTE, NOON + 140 * MINUTE, HOUR)
    assert counts == {NOON: 3, NOON + HOUR: 6, NOON + 2 * HOUR: 2}


def test_a_window_need_not_divide_a_day(store: Store) -> None:
    window = timedelta(days=7)
    record_at(store, NOON, NOON + timedelta(days=5), NOON + timedelta(days=7))
    counts = store.count_predictions(MODEL, NOON, NOON + timedelta(days=30), window)
    # The epoch was a Thursday, and so is every start of a week; NOON is on a Friday.
    assert counts == {datetime(2026, 11, 19, tzinfo=UTC): 2, datetime(2026, 11, 26, tzinfo=UTC): 1}


def test_windows_of_less_than_a_second_are_told_apart(store: Store) -> None:
    window = timedelta(microseconds=3)
    record_at(store, *(NOON + number * MICROSECOND for number in range(10)))
    counts = store.count_predictions(MODEL, NOON, NOON + HOUR, window)
    first = NOON - timedelta(microseconds=((NOON - datetime(1970, 1, 1, tzinfo=UTC)) // MICROSECOND) % 3)
    assert sum(counts.values()) == 10
    assert set(counts) <= {first + number * window for number in range(5)}
    assert counts[first + window] == 3


def test_times_before_the_epoch_fall_into_the_window_that_holds_them(store: Store) -> None:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    store.record_predictions(
        MODEL,
        [
            replace(a_prediction(prediction_id=f"old{offset}"), time=epoch + offset)
            for offset in (-HOUR, -MINUTE, -MICROSECOND, MICROSECOND)
        ],
    )
    counts = store.count_predictions(MODEL, epoch - 24 * HOUR, epoch + HOUR, HOUR)
    assert counts == {epoch - HOUR: 3, epoch: 1}


def test_a_range_without_predictions_has_no_windows(store: Store) -> None:
    record_at(store, NOON)
    assert store.count_predictions(MODEL, NOON + HOUR, NOON + 2 * HOUR, HOUR) == {}
    assert store.count_predictions(MODEL, NOON, NOON, HOUR) == {}
    assert store.count_predictions("wine", NOON, NOON + HOUR, HOUR) == {}


def test_counts_grow_with_what_is_recorded_later(store: Store) -> None:
    record_at(store, NOON)
    assert store.count_predictions(MODEL, NOON, NOON + HOUR, HOUR) == {NOON: 1}
    record_at(store, NOON + MINUTE)
    assert store.count_predictions(MODEL, NOON, NOON + HOUR, HOUR) == {NOON: 2}


def test_a_model_without_predictions_has_no_last_time(store: Store) -> None:
    record_at(store, NOON)
    assert store.last_prediction_time("wine") is None


def test_the_last_times_are_those_of_all_registered_models_that_predict(store: Store) -> None:
    assert store.last_prediction_times() == {}
    for name in (MODEL, "iris", "Iris", "wine", "quiet"):
        store.put_model(a_model(name))
    for name, hours in ((MODEL, (1, 5, 2)), ("iris", (-70,)), ("Iris", (9,)), ("unregistered", (7,))):
        store.record_predictions(name, [a_prediction(NOON + each * HOUR) for each in hours])
    store.record_predictions("wine", [a_prediction(NOON, prediction_id=f"order-{number}") for number in range(3)])
    newest = {MODEL: NOON + 5 * HOUR, "iris": NOON - 70 * HOUR, "Iris": NOON + 9 * HOUR, "wine": NOON}
    assert store.last_prediction_times() == newest
    store.erase("wine", ["order-0", "order-1", "order-2"])
    store.record_predictions(MODEL, [a_prediction(NOON + 40 * 24 * HOUR + MICROSECOND)])
    assert store.last_prediction_times() == {
        **{name: time for name, time in newest.items() if name != "wine"},
        MODEL: NOON + 40 * 24 * HOUR + MICROSECOND,
    }


@pytest.mark.parametrize("arrival", [(0, 1, 2), (2, 1, 0)])
def test_the_last_time_is_the_newest_not_the_latest_arrived(store: Store, arrival: tuple[int, ...]) -> None:
    times = [NOON, NOON + HOUR, NOON + 30 * HOUR + MICROSECOND]
    for number in arrival:
        record_at(store, times[number])
    assert store.last_prediction_time(MODEL) == times[-1]
