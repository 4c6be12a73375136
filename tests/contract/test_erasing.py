"""What every store promises of erasing: all that is kept of a prediction goes, wherever it lies, and nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ml_core.clock import FixedClock
from ml_core.ids import new_id
from ml_core.records import Prediction, Receipt
from ml_core.retraining.shadows import each_shadow, record_shadows
from ml_core.store.base import Store
from ml_core.store.companions import shadow_name, tracked_name
from ml_core.store.erasure import Erasure
from ml_core.store.names import RECORD_KINDS
from ml_core.tracking.aggregates import TrackedAggregates
from ml_core.tracking.names import FIRST_TIME, LAST_TIME, milliseconds_of
from ml_core.tracking.predictions import NewLine, TrackedPredictions
from tests.factories import NOON, a_prediction, a_truth

MODEL = "housing_price"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOON_MS = milliseconds_of(NOON)
NOTHING: dict[str, Any] = {kind: {} for kind in RECORD_KINDS}
LONGEST = "m" * 64


def record_with_truths(store: Store, *ids: str) -> None:
    store.record_predictions(MODEL, [a_prediction(prediction_id=each) for each in ids])
    store.record_truths(MODEL, [a_truth(each, 3.0) for each in ids])


def say_in_the_shadow(store: Store, version: int, *ids: str, model: str = MODEL) -> None:
    record_shadows(store, model, version, [Prediction(each, NOON, {}, 7.0, version=version) for each in ids])


def track(store: Store, *ids: str, model: str = MODEL) -> None:
    tracked = TrackedPredictions(store, FixedClock(NOON))
    for each in ids:
        tracked.add(model, NewLine(each, NOON_MS, NOON_MS + 20, {"input": [1.5]}))
        tracked.add_delayed(model, each, {"label": 2.0})


def tracked_of(store: Store, model: str = MODEL) -> list[str]:
    found = TrackedPredictions(store, FixedClock(NOON)).read(model, FIRST_TIME, LAST_TIME)
    return [each.prediction_id for each in found]


def said_in_the_shadow(store: Store, version: int, model: str = MODEL) -> list[str]:
    return [each.prediction_id for each in each_shadow(store, model, version, NOON, NOON + HOUR)]


@pytest.mark.parametrize("an_id", ["order-1", new_id(NOON), f"{new_id(NOON)}-17", new_id(NOON - 100 * DAY)])
def test_an_erased_id_is_as_if_it_had_never_been(store: Store, an_id: str) -> None:
    record_with_truths(store, an_id, "other")
    store.record_truths(MODEL, [a_truth(an_id, 4.0, correct=True, received_time=NOON + 2 * HOUR)])
    assert store.erase(MODEL, [an_id]).found == 1
    assert store.scored(MODEL, NOON, NOON + HOUR)["prediction_id"].to_list() == ["other"]
    assert store.count_records() == NOTHING | {"predictions": {MODEL: 1}, "ground_truths": {MODEL: 1}}
    assert store.erase(MODEL, [an_id]).found == 0
    # Neither a duplicate nor a conflict with what was stored before, and no truth waits for it.
    assert store.record_predictions(MODEL, [a_prediction(NOON + 3 * DAY, prediction_id=an_id)]) == Receipt(accepted=1)
    assert store.scored(MODEL, NOON + 3 * DAY, NOON + 4 * DAY)["truth"].isna().all()
    assert store.record_truths(MODEL, [a_truth(an_id, 5.0)]) == Receipt(accepted=1)
    later = store.scored(MODEL, NOON + 3 * DAY, NOON + 4 * DAY, known_at=NOON + 2 * HOUR)
    assert later["truth"].to_list() == [5.0]


def test_an_id_counts_as_found_by_its_prediction_or_its_truth_and_once(store: Store) -> None:
    store.record_predictions(MODEL, [a_prediction(prediction_id="predicted"), a_prediction(prediction_id="both")])
    store.record_truths(MODEL, [a_truth("observed"), a_truth("both")])
    ids = ["predicted", "observed", "both", "both", "unknown"]
    assert store.erase(MODEL, ids).found == 3
    assert store.count_records() == NOTHING


def test_an_id_is_only_erased_exactly_and_in_its_model(store: Store) -> None:
    record_with_truths(store, "order-1")
    store.record_predictions("wine", [a_prediction(prediction_id="order-1")])
    assert store.erase(MODEL, ["Order-1", "order-1 ", "order", "order-%", "", "\ud800", "x" * 300]).found == 0
    assert store.erase("iris", ["order-1"]).found == 0
    assert store.erase("wine", ["order-1"]).found == 1
    assert store.count_records() == NOTHING | {"predictions": {MODEL: 1}, "ground_truths": {MODEL: 1}}


def test_thousands_of_ids_are_erased_and_the_rest_stays(store: Store) -> None:
    ids = [f"order-{number}" for number in range(2345)]
    record_with_truths(store, *ids, "other")
    assert store.erase(MODEL, set(ids)).found == 2345
    assert store.count_records() == NOTHING | {"predictions": {MODEL: 1}, "ground_truths": {MODEL: 1}}


def test_erasing_nothing_erases_nothing(store: Store) -> None:
    record_with_truths(store, "order-1")
    assert store.erase(MODEL, []).found == 0
    assert store.count_records()["predictions"] == {MODEL: 1}


# What hidden versions said, and what scripts tracked


@pytest.mark.parametrize("model", ["m", MODEL, LONGEST])
def test_what_hidden_versions_said_and_what_was_tracked_goes_with_the_prediction(store: Store, model: str) -> None:
    store.record_predictions(model, [a_prediction(prediction_id=each) for each in ("gone", "kept")])
    store.record_truths(model, [a_truth("gone"), a_truth("gone", 9.0, correct=True), a_truth("kept")])
    for version in (2, 30):
        say_in_the_shadow(store, version, "gone", "kept", model=model)
    track(store, "gone", "kept", model=model)
    went = Erasure(found=1, predictions=1, ground_truths=1, shadows=2, tracked=2)
    assert store.erase(model, ["gone", "unknown"]) == went
    assert [said_in_the_shadow(store, version, model) for version in (2, 30)] == [["kept"], ["kept"]]
    assert tracked_of(store, model) == ["kept"]
    assert store.count_records() == NOTHING | {
        "predictions": {model: 1, shadow_name(model, 2): 1, shadow_name(model, 30): 1},
        "ground_truths": {model: 1},
        "metric_points": {tracked_name(model): 2},
    }
    assert store.erase(model, ["gone"]) == Erasure()


def test_an_id_that_only_a_hidden_version_or_a_script_spoke_of_is_found_too(store: Store) -> None:
    say_in_the_shadow(store, 2, "hidden")
    track(store, "tracked")
    assert store.erase(MODEL, ["hidden", "tracked"]) == Erasure(found=2, shadows=1, tracked=2)
    assert store.count_records() == NOTHING


def test_the_charts_of_a_hidden_version_forget_it_as_those_of_the_model_do(store: Store) -> None:
    say_in_the_shadow(store, 2, "gone", "kept")
    store.erase(MODEL, ["gone"])
    assert store.count_predictions(shadow_name(MODEL, 2), NOON, NOON + HOUR, HOUR) == {NOON: 1}


def test_shadows_and_tracked_lines_of_other_models_stay(store: Store) -> None:
    record_with_truths(store, "one")
    others = ["housing", "housing_price_2", "housing_price.shadow", "housing_price.shadow.x", "a", LONGEST]
    for other in others:
        say_in_the_shadow(store, 2, "one", model=other)
        track(store, "one", model=other)
    store.record_predictions("housing_price.shadow.02", [a_prediction(prediction_id="one")])
    before = store.count_records()
    assert store.erase(MODEL, ["one"]) == Erasure(found=1, predictions=1, ground_truths=1)
    after = store.count_records()
    assert after["metric_points"] == before["metric_points"]
    assert before["predictions"].items() - after["predictions"].items() == {(MODEL, 1)}
    assert set(after["ground_truths"]) == set()


def test_longest_names_that_begin_alike_do_not_lose_each_others_shadows(store: Store) -> None:
    names = [LONGEST[:-1] + end for end in "ab"]
    for name in names:
        say_in_the_shadow(store, 2, "one", model=name)
        track(store, "one", model=name)
    assert store.erase(names[0], ["one"]) == Erasure(found=1, shadows=1, tracked=2)
    assert said_in_the_shadow(store, 2, names[1]) == tracked_of(store, names[1]) == ["one"]


def test_a_step_of_a_forecast_takes_what_was_tracked_of_the_whole_with_it(store: Store) -> None:
    forecast, other = new_id(NOON), new_id(NOON)
    steps = [f"{forecast}-{number}" for number in (1, 2)]
    record_with_truths(store, *steps)
    track(store, forecast, other, "order")
    assert store.erase(MODEL, ["order-1"]) == Erasure()  # an id that was not made by the suite says nothing of others
    assert store.erase(MODEL, steps[:1]) == Erasure(found=1, predictions=1, ground_truths=1, tracked=2)
    assert sorted(tracked_of(store)) == sorted([other, "order"])
    assert store.erase(MODEL, steps) == Erasure(found=1, predictions=1, ground_truths=1)


def test_aggregates_tracked_over_windows_stay(store: Store) -> None:
    aggregates = TrackedAggregates(store, FixedClock(NOON))
    aggregates.update(MODEL, NOON_MS, NOON_MS + 1000, {"rmse": 4.0})
    track(store, f"{NOON_MS + 1000} rmse")  # an id that is spelt as what an aggregate is kept under
    assert store.erase(MODEL, [f"{NOON_MS + 1000} rmse"]) == Erasure(found=1, tracked=2)
    (kept,) = aggregates.read(MODEL, FIRST_TIME, LAST_TIME)
    assert kept.metrics == {"rmse": 4.0}


def test_hundreds_of_predictions_go_with_all_that_belongs_to_them(store: Store) -> None:
    ids = [f"order-{number}" for number in range(250)]
    record_with_truths(store, *ids)
    say_in_the_shadow(store, 2, *ids)
    line = [NewLine(each, NOON_MS, NOON_MS, {"input": 1}) for each in ids]
    TrackedPredictions(store, FixedClock(NOON)).add_new(MODEL, line)
    assert store.erase(MODEL, ids) == Erasure(250, 250, 250, 250, 250)
    assert store.count_records() == NOTHING


def test_what_cannot_be_the_name_of_a_model_names_nothing(store: Store) -> None:
    record_with_truths(store, "order-1")
    for name in ("*", "", "../predictions/housing_price", "housing_pric?"):
        assert store.erase(name, ["order-1"]) == Erasure()
