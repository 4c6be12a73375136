"""What every store promises of forgetting and counting."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from ml_core.records import Receipt
from ml_core.store.base import Store
from ml_core.store.names import RECORD_KINDS
from tests.factories import NOON, a_model, a_prediction, a_truth

MODEL = "housing_price"
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)
MIDNIGHT = NOON - 12 * HOUR
LONG_AGO, FAR_AHEAD = datetime(1900, 1, 1, tzinfo=UTC), datetime(2900, 1, 1, tzinfo=UTC)
NOTHING: dict[str, Any] = {kind: {} for kind in RECORD_KINDS}


def times_of(store: Store, model: str = MODEL) -> list[datetime]:
    times: list[datetime] = store.predictions(model, LONG_AGO, FAR_AHEAD)["time"].to_list()
    return times


def test_what_is_kept_takes_room(store: Store) -> None:
    store.record_predictions(MODEL, [a_prediction(prediction_id=f"{number}") for number in range(500)])
    assert 10_000 < store.size_bytes() < 50_000_000


# Forgetting


def test_days_that_lie_wholly_before_a_time_are_forgotten_and_no_others(store: Store) -> None:
    kept = [MIDNIGHT, NOON, NOON + 40 * DAY]
    old = [MIDNIGHT - MICROSECOND, MIDNIGHT - DAY, NOON - 3 * DAY, NOON - 40 * DAY, NOON - 500 * DAY]
    store.record_predictions(MODEL, [a_prediction(time) for time in kept + old])
    assert store.drop_before(MIDNIGHT + 23 * HOUR) == {"predictions": 5, "ground_truths": 0}
    assert times_of(store) == kept
    assert store.drop_before(MIDNIGHT) == {"predictions": 0, "ground_truths": 0}


def test_the_days_are_those_of_utc(store: Store) -> None:
    store.record_predictions(MODEL, [a_prediction(MIDNIGHT - HOUR), a_prediction(MIDNIGHT)])
    india = timezone(timedelta(hours=5, minutes=30))
    assert store.drop_before((MIDNIGHT - MICROSECOND).astimezone(india))["predictions"] == 0
    assert store.drop_before(MIDNIGHT.astimezone(india))["predictions"] == 1


def test_predictions_of_all_models_are_forgotten_and_all_may_be(store: Store) -> None:
    store.put_model(a_model())
    for model in (MODEL, "wine", "unregistered"):
        store.record_predictions(model, [a_prediction(NOON - number * DAY) for number in range(10)])
    assert store.drop_before(NOON + 90 * DAY) == {"predictions": 30, "ground_truths": 0}
    assert store.count_records() == NOTHING
    assert store.list_models() == [a_model()]
    assert store.drop_before(NOON + 90 * DAY) == {"predictions": 0, "ground_truths": 0}


def test_a_forgotten_day_may_be_recorded_again(store: Store) -> None:
    rows = [a_prediction(NOON - 3 * DAY), a_prediction(NOON - 3 * DAY, prediction_id="order-1")]
    store.record_predictions(MODEL, rows)
    store.drop_before(NOON)
    assert store.record_predictions(MODEL, rows) == Receipt(accepted=2)
    assert store.drop_before(NOON)["predictions"] == 2


def test_truths_are_forgotten_by_the_day_they_were_received_whatever_their_prediction(store: Store) -> None:
    rows = [a_prediction(NOON, prediction_id=name) for name in ("early", "late")]
    store.record_predictions(MODEL, rows)
    store.record_truths(MODEL, [a_truth("early", received_time=MIDNIGHT - MICROSECOND)])
    store.record_truths(MODEL, [a_truth("late", 3.0, received_time=MIDNIGHT)])
    store.record_truths("wine", [a_truth("early", received_time=NOON - 90 * DAY)])
    assert store.drop_before(NOON) == {"predictions": 0, "ground_truths": 2}
    assert store.scored(MODEL, NOON, NOON + HOUR)["truth"].fillna(-1.0).to_list() == [-1.0, 3.0]


def test_a_correction_stays_when_what_it_corrected_is_forgotten(store: Store) -> None:
    store.record_predictions(MODEL, [a_prediction(prediction_id="order-1")])
    store.record_truths(MODEL, [a_truth("order-1", 3.0)])
    store.record_truths(MODEL, [a_truth("order-1", 4.0, correct=True, received_time=NOON + DAY)])
    assert store.drop_before(MIDNIGHT + DAY)["ground_truths"] == 1
    assert store.count_records()["ground_truths"] == {MODEL: 1}
    store.record_predictions(MODEL, [a_prediction(prediction_id="order-1")])
    store.record_truths(MODEL, [a_truth("order-1", 5.0, correct=True, received_time=NOON + 2 * DAY)])
    for known_at, truths in ((NOON + HOUR, [-1.0]), (NOON + DAY, [4.0]), (NOON + 2 * DAY, [5.0])):
        frame = store.scored(MODEL, NOON, NOON + HOUR, known_at=known_at)
        assert frame["truth"].fillna(-1.0).to_list() == truths


def test_thousands_of_one_moment_are_forgotten(store: Store) -> None:
    old = [a_prediction(NOON - DAY, prediction_id=f"order-{number}") for number in range(2345)]
    store.record_predictions(MODEL, [*old, a_prediction()], new_ids=True)
    store.record_truths(MODEL, [a_truth(row.prediction_id, received_time=NOON) for row in old])
    store.record_truths("wine", [a_truth(row.prediction_id, received_time=NOON - DAY) for row in old])
    assert store.drop_before(NOON) == {"predictions": 2345, "ground_truths": 2345}
    assert store.count_records() == NOTHING | {"predictions": {MODEL: 1}, "ground_truths": {MODEL: 2345}}


# Counting


def test_rows_are_counted_by_kind_and_model(store: Store) -> None:
    assert store.count_records() == NOTHING
    store.put_model(a_model("iris"))
    store.record_predictions(MODEL, [a_prediction(NOON + number * DAY) for number in range(3)])
    store.record_predictions("wine", [a_prediction()])
    store.record_truths("wine", [a_truth("order-1", 1.0), a_truth("order-2", 2.0)])
    store.record_truths("wine", [a_truth("order-2", 3.0, correct=True, received_time=NOON + 2 * HOUR)])
    assert store.count_records() == NOTHING | {"predictions": {MODEL: 3, "wine": 1}, "ground_truths": {"wine": 2}}
