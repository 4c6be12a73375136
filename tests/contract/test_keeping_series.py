"""What every store promises of forgetting and counting observations, forecasts and metric points."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from ml_core.records import Receipt
from ml_core.store.base import Store
from ml_core.store.names import RECORD_KINDS
from tests.factories import NOON, a_forecast, a_point, a_prediction, a_truth, an_observation

MODEL, WEB = "housing_price", "web/cpu"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)
MIDNIGHT = NOON - 12 * HOUR
LONG_AGO, FAR_AHEAD = datetime(1900, 1, 1, tzinfo=UTC), datetime(2900, 1, 1, tzinfo=UTC)
NOTHING: dict[str, Any] = {kind: {} for kind in RECORD_KINDS}


def fill(store: Store, days: int) -> None:
    """Put one record of each kind into so many days, the last of which is that of noon; forecasts reach into two."""
    for number in range(days):
        time = NOON - number * DAY
        prediction = a_prediction(time)
        store.record_predictions(MODEL, [prediction])
        store.record_truths(MODEL, [a_truth(prediction.prediction_id, received_time=time)])
        store.put_metric_points([a_point(time)])
        store.record_observations(WEB, [an_observation(time)])
        store.put_forecast(a_forecast(time, hours=24))


# Forgetting


def test_only_the_kinds_that_are_named_are_forgotten(store: Store) -> None:
    fill(store, 3)
    everything = store.count_records()
    assert store.drop_before(NOON, ["observations"]) == {"observations": 2}
    assert store.count_records() == everything | {"observations": {WEB: 1}}
    assert store.drop_before(NOON) == {"predictions": 2, "ground_truths": 2}
    # Of the forecast issued the day before, the half that speaks of today stays.
    assert store.drop_before(NOON, RECORD_KINDS) == {
        "predictions": 0,
        "ground_truths": 0,
        "metric_points": 2,
        "observations": 0,
        "forecasts": 11 + 24,
    }
    assert store.drop_before(NOON + 9 * DAY, set(RECORD_KINDS))["forecasts"] == 13 + 24
    assert store.count_records() == NOTHING
    assert store.list_series() == store.list_metrics(MODEL) == []


@pytest.mark.parametrize("kinds", [["models"], "predictions", ["predictions", ""]])
def test_a_kind_that_does_not_exist_is_refused_and_nothing_is_forgotten(store: Store, kinds: Any) -> None:
    fill(store, 2)
    before = store.count_records()
    with pytest.raises(ValueError, match=r"^kinds: expected some of predictions, ground_truths, "):
        store.drop_before(NOON, kinds)
    assert store.drop_before(NOON, []) == {}
    assert store.count_records() == before


def test_observations_go_by_days_of_utc_with_their_history(store: Store) -> None:
    times = [MIDNIGHT - 400 * DAY, MIDNIGHT - MICROSECOND, MIDNIGHT, NOON]
    store.record_observations(WEB, [an_observation(time) for time in times])
    store.record_observations("other", [an_observation(times[0])])
    correction = an_observation(times[1], 5.0, correct=True, received_time=NOON)
    store.record_observations(WEB, [correction])
    india = timezone(timedelta(hours=5, minutes=30))
    assert store.drop_before((MIDNIGHT - 400 * DAY).astimezone(india), ["observations"]) == {"observations": 0}
    assert store.drop_before((MIDNIGHT + 23 * HOUR).astimezone(india), ["observations"]) == {"observations": 4}
    assert store.observations(WEB, LONG_AGO, FAR_AHEAD)["time"].to_list() == times[2:]
    assert store.list_series() == [WEB]
    # What was forgotten may be recorded again, with another value.
    assert store.record_observations(WEB, [an_observation(times[1], 7.0)]) == Receipt(accepted=1)
    assert next(store.observation_history(WEB)).value == 7.0


def test_a_metric_point_goes_when_all_it_speaks_of_lies_before(store: Store) -> None:
    ends = [MIDNIGHT - HOUR, MIDNIGHT, MIDNIGHT + MICROSECOND, NOON]
    store.put_metric_points([a_point(MIDNIGHT - 40 * DAY, end_time=end) for end in ends])
    store.put_metric_points([a_point(MIDNIGHT - 40 * DAY, end_time=ends[0])])
    store.put_metric_points([a_point(NOON - DAY, model="wine", metric="other", segment="a", version=2)])
    assert store.drop_before(MIDNIGHT + HOUR, ["metric_points"]) == {"metric_points": 3}
    assert store.metric_series(MODEL, "mean_absolute_error", LONG_AGO, FAR_AHEAD)["end_time"].to_list() == ends[2:]
    assert store.list_metrics("wine") == []
    assert store.list_metrics(MODEL) == ["mean_absolute_error"]


def test_steps_of_forecasts_go_by_their_valid_time_each_counted_once(store: Store) -> None:
    for version in (1, 2):
        store.put_forecast(a_forecast(MIDNIGHT - 3 * HOUR, hours=5, version=version))
    store.put_forecast(a_forecast(MIDNIGHT - 3 * HOUR, hours=5, model="naive"))
    assert store.drop_before(MIDNIGHT, ["forecasts"]) == {"forecasts": 4}
    frame = store.forecasts(WEB, LONG_AGO, FAR_AHEAD)
    assert frame["valid_time"].to_list() == [MIDNIGHT] * 2 + [MIDNIGHT + HOUR] * 2 + [MIDNIGHT + 2 * HOUR] * 2
    assert set(frame["version"]) == {1, 2}


def test_thousands_of_each_kind_are_forgotten_and_the_rest_stays(store: Store) -> None:
    start = MIDNIGHT - 2345 * HOUR
    store.record_observations(WEB, [an_observation(start + number * HOUR) for number in range(2350)])
    store.put_metric_points([a_point(start + number * HOUR) for number in range(2350)])
    store.put_forecast(a_forecast(start - HOUR, hours=2350))
    kinds = ["metric_points", "observations", "forecasts"]
    assert store.drop_before(MIDNIGHT, kinds) == dict.fromkeys(kinds, 2345)
    counts = store.count_records()
    assert [counts[kind] for kind in kinds] == [{MODEL: 5}, {WEB: 5}, {WEB: 5}]


# Counting


def test_records_are_counted_by_model_or_series_each_once(store: Store) -> None:
    assert store.count_records() == NOTHING
    fill(store, 2)
    fill(store, 1)
    store.record_observations(WEB, [an_observation(NOON, 5.0, correct=True)])
    store.record_observations("other", [an_observation(), an_observation(NOON + DAY)])
    assert store.count_records() == {
        "predictions": {MODEL: 3},
        "ground_truths": {MODEL: 3},
        "metric_points": {MODEL: 2},
        "observations": {WEB: 2, "other": 2},
        "forecasts": {WEB: 48},
    }
