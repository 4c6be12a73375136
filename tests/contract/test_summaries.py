"""What every store promises of summaries: they are what comes out of reading all predictions, whatever was done."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from ml_core.records import Prediction, Receipt
from ml_core.store.base import SUMMARY_COLUMNS, Store
from ml_core.store.opening import open_store
from tests.contract.processes import ProcessGroup, record_hours
from tests.factories import NOON, a_prediction

MODEL = "housing_price"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MIDNIGHT = NOON.replace(hour=0)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)
WINDOWS = [MINUTE, 17 * MINUTE, HOUR, 5 * HOUR, DAY, 7 * DAY]


def random_rows(seed: int, count: int, middle: datetime = NOON, spread: timedelta = 3 * DAY) -> list[Prediction]:
    """Return predictions around a time, many of them at the edges of hours and days, some of them labels."""
    source = random.Random(seed)
    rows = []
    for number in range(count):
        time = middle + source.uniform(-1, 1) * spread
        if source.random() < 0.3:
            time = time.replace(minute=0, second=0, microsecond=0) - source.choice([0, 1]) * MICROSECOND
        value: Any = source.choice([source.gauss(100, 30), source.gauss(-5, 1), 0.0, "cat", "7"])
        rows.append(replace(a_prediction(prediction_id=f"{seed}-{number}", value=value), time=time))
    return rows


def summarised_by_pandas(store: Store, start: datetime, end: datetime, window: timedelta) -> pd.DataFrame:
    """Return the summary that follows from the predictions themselves."""
    frame = store.predictions(MODEL, start, end)
    number = pd.Series([each if isinstance(each, float) else np.nan for each in frame["value"]], dtype="float64")
    windows = pd.Series([EPOCH + (time - EPOCH) // window * window for time in frame["time"].dt.to_pydatetime()])
    grouped = number.groupby(windows.astype("datetime64[us, UTC]"))
    columns = (grouped.size(), grouped.count(), grouped.mean(), grouped.std(ddof=0))
    summary = pd.DataFrame(dict(zip(SUMMARY_COLUMNS[1:], columns, strict=True)))
    return summary.rename_axis(SUMMARY_COLUMNS[0]).reset_index()


def assert_true(store: Store, start: datetime, end: datetime, window: timedelta) -> None:
    found = store.summarise_predictions(MODEL, start, end, window)
    expected = summarised_by_pandas(store, start, end, window)
    assert_frame_equal(found, expected, rtol=1e-9, atol=1e-6)
    counts = store.count_predictions(MODEL, start, end, window)
    assert list(counts.items()) == list(zip(expected["start_time"], expected["count"], strict=True))


def assert_all_true(store: Store, middle: datetime = NOON) -> None:
    midnight = middle.replace(hour=0)
    for window in WINDOWS:
        for start, end in (
            (midnight - 5 * DAY, midnight + 5 * DAY),
            (middle - 2 * DAY, middle + 2 * DAY),
            (middle - 2 * DAY + 13 * MINUTE, middle + 2 * DAY - 13 * MINUTE),
            (middle - MICROSECOND, middle + HOUR + MICROSECOND),
            (middle + 10 * MINUTE, middle + 50 * MINUTE),
        ):
            assert_true(store, start, end, window)


@pytest.mark.parametrize("middle", [NOON, EPOCH + 12 * HOUR, datetime(1895, 6, 5, 7, tzinfo=UTC)])
def test_summaries_are_what_pandas_makes_of_the_predictions(store: Store, middle: datetime) -> None:
    for seed in range(3):
        store.record_predictions(MODEL, random_rows(seed, 150, middle))
        store.record_predictions("wine", random_rows(seed, 20, middle))
    assert_all_true(store, middle)
    assert_all_true(store, middle)


def test_a_summary_has_the_columns_and_types_of_the_contract_also_without_rows(store: Store) -> None:
    store.record_predictions(MODEL, [a_prediction(value=1.0), a_prediction(value=4.0), a_prediction(value="cat")])
    found = store.summarise_predictions(MODEL, NOON, NOON + DAY, HOUR)
    assert found.to_dict("list") == {
        "start_time": [NOON],
        "count": [3],
        "numbers": [2],
        "mean": [2.5],
        "standard_deviation": [1.5],
    }
    types = ["datetime64[us, UTC]", "int64", "int64", "float64", "float64"]
    for frame in (found, store.summarise_predictions("wine", NOON, NOON + DAY, HOUR)):
        assert tuple(frame.columns) == SUMMARY_COLUMNS
        assert frame.dtypes.astype(str).to_list() == types


def test_where_all_are_labels_there_is_no_mean(store: Store) -> None:
    store.record_predictions(MODEL, [a_prediction(value="cat")])
    (row,) = store.summarise_predictions(MODEL, NOON, NOON + DAY, DAY).itertuples(index=False)
    assert (row.count, row.numbers) == (1, 0)
    assert np.isnan([row.mean, row.standard_deviation]).all()


def test_equal_values_do_not_deviate_however_they_are_rounded(store: Store) -> None:
    for _ in range(5):
        store.record_predictions(MODEL, [a_prediction(value=0.1) for _ in range(123)])
    for window in (HOUR, MINUTE):
        found = store.summarise_predictions(MODEL, NOON, NOON + DAY, window)
        assert found["standard_deviation"].to_list() == [0.0]


@pytest.mark.parametrize("huge", [1.7e308, -1e100])
def test_a_number_whose_square_is_none_is_stored_and_counted_but_not_summed(store: Store, huge: float) -> None:
    for value in (huge, huge, 2.0):
        assert store.record_predictions(MODEL, [a_prediction(value=value)]) == Receipt(accepted=1)
    for window in (HOUR, MINUTE):
        (row,) = store.summarise_predictions(MODEL, NOON, NOON + DAY, window).itertuples(index=False)
        assert (row.count, row.numbers, row.mean, row.standard_deviation) == (3, 1, 2.0, 0.0)


def test_what_is_rejected_or_a_duplicate_is_not_summed(store: Store) -> None:
    rows = [a_prediction(prediction_id=f"order-{number}", value=float(number)) for number in range(5)]
    store.record_predictions(MODEL, rows)
    other = a_prediction(prediction_id="order-1", value=100.0)
    unfit = a_prediction(value=float("nan"))
    receipt = store.record_predictions(MODEL, [*rows, other, unfit, a_prediction(value=5.0)])
    assert (receipt.accepted, receipt.duplicates, len(receipt.rejected)) == (1, 5, 2)
    assert store.summarise_predictions(MODEL, NOON, NOON + HOUR, HOUR)["mean"].to_list() == [2.5]
    assert_all_true(store)


def test_summaries_grow_with_what_is_recorded_later_on_any_day(store: Store) -> None:
    for seed in range(4):
        store.record_predictions(MODEL, random_rows(seed, 40))
        assert_true(store, MIDNIGHT - 4 * DAY, MIDNIGHT + 4 * DAY, DAY)


def test_a_range_may_be_given_with_any_offset_and_on_the_other_side_of_midnight(store: Store) -> None:
    store.record_predictions(MODEL, [a_prediction(MIDNIGHT - HOUR, value=1.0), a_prediction(MIDNIGHT, value=2.0)])
    for hours in (-11, 5, 14):
        zone = timezone(timedelta(hours=hours))
        start, end = (MIDNIGHT - HOUR).astimezone(zone), (MIDNIGHT + HOUR).astimezone(zone)
        assert store.predictions(MODEL, start, end)["value"].to_list() == [1.0, 2.0]
        assert store.summarise_predictions(MODEL, start, end, HOUR)["mean"].to_list() == [1.0, 2.0]


def test_all_of_time_can_be_asked_for(store: Store) -> None:
    store.record_predictions(MODEL, random_rows(1, 50))
    everything = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    for window in WINDOWS:
        assert store.summarise_predictions(MODEL, *everything, window)["count"].sum() == 50
    assert store.summarise_predictions(MODEL, *reversed(everything), HOUR).empty


@pytest.mark.parametrize("window", [timedelta(0), -HOUR])
def test_a_window_without_length_is_refused_by_name(store: Store, window: timedelta) -> None:
    for method in (store.summarise_predictions, store.count_predictions):
        with pytest.raises(ValueError, match="window: expected a positive duration"):
            method(MODEL, NOON, NOON + DAY, window)


# What goes away


def test_what_is_erased_is_in_no_summary_not_even_by_its_traces(store: Store) -> None:
    rows = random_rows(1, 200)
    monster = a_prediction(prediction_id="monster", value=1e30)
    store.record_predictions(MODEL, [*rows, monster, a_prediction(value=5.0)])
    assert_true(store, MIDNIGHT - 4 * DAY, MIDNIGHT + 4 * DAY, HOUR)
    assert store.erase(MODEL, ["monster", *(row.prediction_id for row in rows[::3])]).found == 68
    assert_all_true(store)
    assert store.erase(MODEL, [row.prediction_id for row in rows]).found == 133
    found = store.summarise_predictions(MODEL, MIDNIGHT - 4 * DAY, MIDNIGHT + 4 * DAY, HOUR)
    assert (found["count"].to_list(), found["mean"].to_list()) == ([1], [5.0])


def test_what_is_forgotten_is_in_no_summary_and_may_be_recorded_again(store: Store) -> None:
    rows = random_rows(1, 300)
    store.record_predictions(MODEL, rows)
    store.record_predictions("wine", rows)
    assert_true(store, MIDNIGHT - 4 * DAY, MIDNIGHT + 4 * DAY, HOUR)
    for limit in (MIDNIGHT - DAY + 7 * HOUR, NOON):
        gone = sum(row.time < limit.replace(hour=0) for row in rows)
        before = len(store.predictions(MODEL, MIDNIGHT - 4 * DAY, MIDNIGHT + 4 * DAY))
        assert store.drop_before(limit)["predictions"] == 2 * (gone - (300 - before))
        assert_all_true(store)
    assert store.summarise_predictions(MODEL, EPOCH, MIDNIGHT, DAY).empty
    store.record_predictions(MODEL, rows)
    assert_all_true(store)


def test_summaries_are_as_true_after_reopening(store: Store, store_url: str) -> None:
    store.record_predictions(MODEL, random_rows(1, 200))
    assert_all_true(store)
    for seed in (2, 3):
        reopened = open_store(store_url)
        assert_all_true(reopened)
        reopened.record_predictions(MODEL, random_rows(seed, 50))
        assert_all_true(store)
        reopened.erase(MODEL, [f"1-{number}" for number in range(20 * seed)])
        assert_all_true(store)
        reopened.close()


def test_processes_that_record_and_erase_at_once_leave_true_summaries(
    store: Store, store_url: str, processes: ProcessGroup
) -> None:
    store.check()
    recorded = processes.run(store_url, record_hours, list(range(8)))
    assert recorded == [400] * 8
    assert store.summarise_predictions(MODEL, MIDNIGHT, MIDNIGHT + DAY, DAY)["count"].to_list() == [8 * 300]
    assert_all_true(store)
