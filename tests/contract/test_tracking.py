"""What is tracked of models comes back the same from every kind of store, as it is known now or was known then."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ml_core.clock import FixedClock
from ml_core.masking import Masking
from ml_core.store.base import Store
from ml_core.store.companions import tracked_name
from ml_core.tracking.aggregates import TrackedAggregate, TrackedAggregates
from ml_core.tracking.names import LAST_MS, milliseconds_of, time_of
from ml_core.tracking.predictions import NewLine, TrackedPrediction, TrackedPredictions
from tests.factories import NOON, a_prediction

MODEL = "link_traffic_hourly"
NOON_MS = milliseconds_of(NOON)
HOUR = timedelta(hours=1)
LONG_AGO, FAR_AHEAD = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
INPUTS = {"input_rx_data": [1.5, 2.0], "forecast time": ["2024-04-26T03:00:00"], "note": {"a": None, "b": [True]}}


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOON)


@pytest.fixture
def predictions(store: Store, clock: FixedClock) -> TrackedPredictions:
    return TrackedPredictions(store, clock)


@pytest.fixture
def aggregates(store: Store, clock: FixedClock) -> TrackedAggregates:
    return TrackedAggregates(store, clock)


def a_line(prediction_id: str = "one", start_ms: int = NOON_MS, **metrics: Any) -> NewLine:
    return NewLine(prediction_id, start_ms, start_ms + 20, metrics or INPUTS)


def all_predictions(tracked: TrackedPredictions, **choice: Any) -> list[TrackedPrediction]:
    return tracked.read(MODEL, LONG_AGO, FAR_AHEAD, **choice)


def all_aggregates(tracked: TrackedAggregates, **choice: Any) -> list[TrackedAggregate]:
    return tracked.read(MODEL, LONG_AGO, FAR_AHEAD, **choice)


def rows(store: Store, name: str = "rmse") -> list[dict[str, Any]]:
    return store.metric_series(MODEL, f"tracked/{name}", LONG_AGO, FAR_AHEAD).to_dict("records")  # type: ignore[return-value]


# Predictions


def test_metrics_come_back_as_they_were_tracked(predictions: TrackedPredictions) -> None:
    predictions.add(MODEL, a_line())
    (found,) = all_predictions(predictions)
    assert found == TrackedPrediction("one", NOON_MS, NOON_MS + 20, INPUTS)


def test_what_becomes_known_later_joins_its_prediction(predictions: TrackedPredictions, clock: FixedClock) -> None:
    for number in range(3):
        predictions.add(MODEL, a_line(f"order-{number}", NOON_MS + number, value=number))
    clock.advance(30 * HOUR)
    for number in (2, 0, 1):
        assert predictions.add_delayed(MODEL, f"order-{number}", {"label": 10 * number})
    assert [each.metrics for each in all_predictions(predictions)] == [
        {"value": 0, "label": 0},
        {"value": 1, "label": 10},
        {"value": 2, "label": 20},
    ]


def test_of_calls_at_the_same_moment_none_replaces_another(predictions: TrackedPredictions) -> None:
    predictions.add(MODEL, a_line(rx=1))
    predictions.add(MODEL, a_line(tx=2))
    predictions.add_delayed(MODEL, "one", {"rx_label": 3})
    predictions.add_delayed(MODEL, "one", {"tx_label": 4})
    predictions.add_delayed(MODEL, "one", {"tx_label": 5})
    (found,) = all_predictions(predictions)
    assert found.metrics == {"rx": 1, "tx": 2, "rx_label": 3, "tx_label": 5}


def test_a_prediction_stays_at_the_place_of_its_first_line(predictions: TrackedPredictions) -> None:
    predictions.add(MODEL, a_line())
    predictions.add(MODEL, a_line(start_ms=NOON_MS + 90_000, more=1))
    assert predictions.read(MODEL, NOON + HOUR / 100, FAR_AHEAD) == []
    (found,) = predictions.read(MODEL, NOON, NOON + HOUR / 100)
    assert (found.start_ms, found.metrics) == (NOON_MS + 90_000, INPUTS | {"more": 1})


@pytest.mark.parametrize("days", [0, 10, 400, 15_000])
def test_an_id_made_elsewhere_is_found_however_long_ago_it_was_tracked(
    predictions: TrackedPredictions, days: int
) -> None:
    foreign = str(uuid.uuid4())
    predictions.add(MODEL, a_line(foreign, NOON_MS - days * 86_400_000, value=1))
    assert predictions.add_delayed(MODEL, foreign, {"label": 2})
    found = predictions.find(MODEL, foreign)
    assert found is not None
    assert found.metrics == {"value": 1, "label": 2}


def test_of_a_prediction_nobody_knows_nothing_is_kept(predictions: TrackedPredictions, store: Store) -> None:
    predictions.add(MODEL, a_line("one"))
    assert not predictions.add_delayed(MODEL, "another", {"label": 1})
    assert not predictions.add_delayed("another_model", "one", {"label": 1})
    assert predictions.find(MODEL, "another") is None
    assert store.count_records()["metric_points"] == {tracked_name(MODEL): 1}


def test_a_prediction_that_was_only_logged_may_be_tracked_later(predictions: TrackedPredictions, store: Store) -> None:
    row = a_prediction()
    store.record_predictions(MODEL, [row])
    assert predictions.add_delayed(MODEL, row.prediction_id, {"label": 1})
    (found,) = all_predictions(predictions)
    assert found == TrackedPrediction(row.prediction_id, NOON_MS, NOON_MS, {"label": 1})


def test_what_was_known_at_an_earlier_time_can_be_read(predictions: TrackedPredictions, clock: FixedClock) -> None:
    predictions.add(MODEL, a_line(value=1))
    clock.advance(HOUR)
    predictions.add_delayed(MODEL, "one", {"label": 2})
    clock.advance(HOUR)
    predictions.add_delayed(MODEL, "one", {"label": 3})
    known = [all_predictions(predictions, known_at=NOON + hours * HOUR) for hours in (-1, 0.5, 1.5, 2)]
    assert known[0] == []
    assert [each[0].metrics for each in known[1:]] == [{"value": 1}, {"value": 1, "label": 2}, {"value": 1, "label": 3}]


def test_masked_names_are_tracked_without_their_values(store: Store, clock: FixedClock) -> None:
    tracked = TrackedPredictions(store, clock, Masking((f"{MODEL}.secret",)))
    tracked.add(MODEL, a_line(secret=[1, 2], open=3))
    tracked.add_delayed(MODEL, "one", {"secret": 4})
    (found,) = all_predictions(tracked)
    assert found.metrics == {"secret": None, "open": 3}


def test_models_do_not_mix(predictions: TrackedPredictions) -> None:
    predictions.add(MODEL, a_line())
    predictions.add("other", a_line(value=2))
    assert [each.metrics for each in predictions.read("other", LONG_AGO, FAR_AHEAD)] == [{"value": 2}]


# Aggregates


def test_a_window_that_is_updated_is_one_row_with_its_history(
    aggregates: TrackedAggregates, store: Store, clock: FixedClock
) -> None:
    assert aggregates.update(MODEL, NOON_MS, NOON_MS + 1000, {"rmse": 4.0}) == 1
    clock.advance(HOUR)
    assert aggregates.update(MODEL, NOON_MS, NOON_MS + 1000, {"rmse": 5.5}) == 1
    (row,) = rows(store)
    assert (row["mean"], row["count"], row["details"]["value"]) == (5.5, 1, 5.5)
    assert (row["start_time"], row["end_time"]) == (NOON, time_of(NOON_MS + 1000))
    (found,) = all_aggregates(aggregates)
    assert found.metrics == {"rmse": 5.5}
    assert [(each.known_time, each.value) for each in found.history["rmse"]] == [(NOON, 4.0), (NOON + HOUR, 5.5)]
    known = [all_aggregates(aggregates, known_at=NOON + hours * HOUR) for hours in (-1, 0.5)]
    assert known[0] == []
    assert known[1][0].metrics == {"rmse": 4.0}


def test_the_same_value_again_adds_nothing(aggregates: TrackedAggregates, store: Store, clock: FixedClock) -> None:
    aggregates.update(MODEL, NOON_MS, NOON_MS + 1, {"rmse": 4.0})
    before = store.count_records()
    clock.advance(HOUR)
    assert aggregates.update(MODEL, NOON_MS, NOON_MS + 1, {"rmse": 4.0}) == 0
    assert store.count_records() == before
    assert len(all_aggregates(aggregates)[0].history["rmse"]) == 1


def test_metrics_of_one_window_are_rows_of_their_own_and_one_record(
    aggregates: TrackedAggregates, store: Store
) -> None:
    aggregates.update(MODEL, NOON_MS, NOON_MS + 1, {"rmse": 4.0, "mae": 3})
    aggregates.update(MODEL, NOON_MS, NOON_MS + 1, {"mae": 2})
    assert len(rows(store, "rmse")) == len(rows(store, "mae")) == 1
    (found,) = all_aggregates(aggregates)
    assert found.metrics == {"rmse": 4.0, "mae": 2}


def test_windows_are_told_apart_by_both_ends_and_come_in_order(aggregates: TrackedAggregates) -> None:
    for start, end in ((5, 9), (0, 9), (0, 4), (0, 0)):
        aggregates.update(MODEL, NOON_MS + start, NOON_MS + end, {"rmse": 10 * start + end})
    found = all_aggregates(aggregates)
    assert [each.metrics["rmse"] for each in found] == [0, 4, 9, 59]
    assert [each.end_ms - NOON_MS for each in found] == [0, 4, 9, 9]


@pytest.mark.parametrize("value", ["good", None, True, [1, 2], {"a": 1}, 1e300, -3])
def test_any_value_comes_back_and_only_numbers_are_averaged(
    aggregates: TrackedAggregates, store: Store, value: Any
) -> None:
    aggregates.update(MODEL, NOON_MS, NOON_MS + 1, {"verdict": value})
    assert all_aggregates(aggregates)[0].metrics == {"verdict": value}
    (row,) = rows(store, "verdict")
    assert row["count"] == (1 if value == -3 else 0)


def test_a_window_that_lies_ahead_keeps_its_history_too(aggregates: TrackedAggregates) -> None:
    for value in (1, 2, 3):
        aggregates.update(MODEL, LAST_MS - 1, LAST_MS, {"rmse": value})
    (found,) = all_aggregates(aggregates)
    assert [each.value for each in found.history["rmse"]] == [1, 2, 3]


def test_updates_at_once_leave_the_row_and_the_end_of_its_history_alike(
    aggregates: TrackedAggregates, store: Store, clock: FixedClock
) -> None:
    def update(number: int) -> None:
        mine = TrackedAggregates(store, FixedClock(NOON + number * timedelta(microseconds=1)))
        mine.update(MODEL, NOON_MS, NOON_MS + 1, {"rmse": number})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(update, range(12)))
    (row,) = rows(store)
    (found,) = all_aggregates(aggregates)
    assert row["details"]["value"] == found.metrics["rmse"]
