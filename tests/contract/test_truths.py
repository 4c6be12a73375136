"""What every store promises of ground truths, and of predictions joined with them."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from typing import Any

import pandas as pd
import pytest

from ml_core.ids import new_id
from ml_core.records import GroundTruth, Receipt, Rejection
from ml_core.store.base import SCORED_COLUMNS, Store
from tests.factories import NOON, a_prediction, a_truth

MODEL = "housing_price"
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def truths_of(store: Store) -> dict[str, Any]:
    """Return the truths in force of the predictions around noon, by prediction id."""
    frame = store.scored(MODEL, NOON - 48 * HOUR, NOON + 48 * HOUR)
    return dict(zip(frame["prediction_id"], frame["truth"], strict=True))


@pytest.fixture(params=["order-1", new_id(NOON), f"{new_id(NOON)}-17"], ids=["foreign", "uuid", "row of a batch"])
def an_id(request: pytest.FixtureRequest, store: Store) -> str:
    """The id of a prediction that is stored."""
    prediction_id: str = request.param
    store.record_predictions(MODEL, [a_prediction(prediction_id=prediction_id)])
    return prediction_id


# Recording


def test_a_truth_is_joined_with_its_prediction(store: Store, an_id: str) -> None:
    received = NOON.replace(microsecond=123456) + 30 * HOUR
    assert store.record_truths(MODEL, [a_truth(an_id, 3.5, received_time=received)]) == Receipt(accepted=1)
    (row,) = store.scored(MODEL, NOON, NOON + HOUR).itertuples()
    assert (row.prediction_id, row.truth, row.truth_received_time) == (an_id, 3.5, received)


@pytest.mark.parametrize("prediction_id", ["order-1", new_id(NOON)], ids=["foreign", "uuid"])
def test_a_truth_may_come_before_its_prediction(store: Store, prediction_id: str) -> None:
    assert store.record_truths(MODEL, [a_truth(prediction_id, 3.5)]) == Receipt(accepted=1)
    assert truths_of(store) == {}
    store.record_predictions(MODEL, [a_prediction(prediction_id=prediction_id)])
    assert truths_of(store) == {prediction_id: 3.5}


def test_a_second_equal_truth_is_a_duplicate_and_the_first_time_stays(store: Store, an_id: str) -> None:
    store.record_truths(MODEL, [a_truth(an_id, 3, received_time=NOON)])
    assert store.record_truths(MODEL, [a_truth(an_id, 3.0, received_time=NOON + HOUR)]) == Receipt(duplicates=1)
    assert store.scored(MODEL, NOON, NOON + HOUR)["truth_received_time"].to_list() == [NOON]


def test_a_second_different_truth_is_rejected_with_both_values(store: Store, an_id: str) -> None:
    store.record_truths(MODEL, [a_truth(an_id, 3.0)])
    message = 'the truth 3.0 is stored already, not 4.0; send "correct": true to replace it'
    assert store.record_truths(MODEL, [a_truth(an_id, 4)]) == Receipt(rejected=(Rejection(0, "value", message),))
    assert truths_of(store) == {an_id: 3.0}


def test_a_number_and_a_label_that_reads_like_it_are_different_truths(store: Store, an_id: str) -> None:
    store.record_truths(MODEL, [a_truth(an_id, 1.0)])
    (rejection,) = store.record_truths(MODEL, [a_truth(an_id, "1.0")]).rejected
    assert rejection.message.startswith("the truth 1.0 is stored already, not '1.0';")


def test_labels_that_differ_in_case_are_different_truths(store: Store, an_id: str) -> None:
    store.record_truths(MODEL, [a_truth(an_id, "Cat")])
    assert len(store.record_truths(MODEL, [a_truth(an_id, "cat")]).rejected) == 1


def test_a_correction_replaces_the_truth_in_force(store: Store, an_id: str) -> None:
    store.record_truths(MODEL, [a_truth(an_id, 3.0, received_time=NOON)])
    correction = a_truth(an_id, 4.0, correct=True, received_time=NOON + HOUR)
    assert store.record_truths(MODEL, [correction]) == Receipt(accepted=1)
    (row,) = store.scored(MODEL, NOON, NOON + HOUR).itertuples()
    assert (row.truth, row.truth_received_time) == (4.0, NOON + HOUR)


def test_after_a_correction_the_new_value_is_the_one_in_force(store: Store, an_id: str) -> None:
    store.record_truths(MODEL, [a_truth(an_id, 3.0)])
    store.record_truths(MODEL, [a_truth(an_id, 4.0, correct=True)])
    assert store.record_truths(MODEL, [a_truth(an_id, 4.0)]) == Receipt(duplicates=1)
    (rejection,) = store.record_truths(MODEL, [a_truth(an_id, 3.0)]).rejected
    assert "the truth 4.0 is stored already, not 3.0" in rejection.message
    assert store.record_truths(MODEL, [a_truth(an_id, 3.0, correct=True)]) == Receipt(accepted=1)
    assert truths_of(store) == {an_id: 3.0}


def test_a_correction_may_turn_a_number_into_a_label(store: Store, an_id: str) -> None:
    store.record_truths(MODEL, [a_truth(an_id, 3.0)])
    store.record_truths(MODEL, [a_truth(an_id, "three", correct=True)])
    assert truths_of(store) == {an_id: "three"}


def test_a_correction_that_corrects_nothing_is_a_duplicate(store: Store, an_id: str) -> None:
    store.record_truths(MODEL, [a_truth(an_id, 3.0)])
    assert store.record_truths(MODEL, [a_truth(an_id, 3.0, correct=True)]) == Receipt(duplicates=1)


def test_a_correction_of_what_is_not_there_is_a_first_truth(store: Store, an_id: str) -> None:
    assert store.record_truths(MODEL, [a_truth(an_id, 3.0, correct=True)]) == Receipt(accepted=1)
    assert truths_of(store) == {an_id: 3.0}


def test_an_id_twice_in_one_batch_is_judged_as_if_the_first_were_stored(store: Store, an_id: str) -> None:
    batch = [
        a_truth(an_id, 3.0),
        a_truth(an_id, 3.0),
        a_truth(an_id, 4.0),
        a_truth(an_id, 5.0, correct=True),
        a_truth(an_id, 6.0, correct=True),
        a_truth(an_id, 5.0),
        a_truth("other", 1.0),
    ]
    receipt = store.record_truths(MODEL, batch)
    assert (receipt.accepted, receipt.duplicates) == (4, 1)
    assert [rejection.index for rejection in receipt.rejected] == [2, 5]
    assert "the truth 6.0 is stored already, not 5.0" in receipt.rejected[1].message
    assert truths_of(store) == {an_id: 6.0}


def test_a_batch_longer_than_a_thousand_is_stored_whole(store: Store) -> None:
    rows = [a_prediction(NOON + timedelta(milliseconds=number)) for number in range(1500)]
    truths = [a_truth(row.prediction_id, float(number)) for number, row in enumerate(rows)]
    store.record_predictions(MODEL, rows, new_ids=True)
    assert store.record_truths(MODEL, truths) == Receipt(accepted=1500)
    assert store.record_truths(MODEL, truths) == Receipt(duplicates=1500)
    assert store.scored(MODEL, NOON, NOON + HOUR)["truth"].to_list() == [float(number) for number in range(1500)]


def test_an_empty_batch_is_an_empty_receipt(store: Store) -> None:
    assert store.record_truths(MODEL, []) == Receipt()


def test_the_truth_of_the_same_id_in_another_model_is_another(store: Store, an_id: str) -> None:
    store.record_truths(MODEL, [a_truth(an_id, 3.0)])
    assert store.record_truths("wine", [a_truth(an_id, 4.0)]) == Receipt(accepted=1)
    assert truths_of(store) == {an_id: 3.0}


def test_ids_of_truths_are_told_apart_exactly(store: Store) -> None:
    ids = ["A", "a", "ä", "🏠", "x" * 100]
    store.record_predictions(MODEL, [a_prediction(prediction_id=name) for name in ids])
    store.record_truths(MODEL, [a_truth(name, float(number)) for number, name in enumerate(ids)])
    assert truths_of(store) == {name: float(number) for number, name in enumerate(ids)}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"value": math.nan}, "value"),
        ({"value": -math.inf}, "value"),
        ({"value": "x" * 256}, "value"),
        ({"value": "\ud800"}, "value"),
        ({"prediction_id": " order-1"}, "prediction_id"),
        ({"prediction_id": "\ud800"}, "prediction_id"),
    ],
)
def test_a_truth_that_cannot_be_kept_as_it_is_is_rejected_and_the_rest_stored(
    store: Store, an_id: str, changes: dict[str, Any], field: str
) -> None:
    values: dict[str, Any] = {"prediction_id": "other", "value": 1.0}
    receipt = store.record_truths(MODEL, [a_truth(**values | changes), a_truth(an_id, 3.0)])
    assert receipt.accepted == 1
    assert [(rejection.index, rejection.field) for rejection in receipt.rejected] == [(0, field)]
    assert truths_of(store) == {an_id: 3.0}


def test_a_naive_received_time_is_refused(store: Store, an_id: str) -> None:
    with pytest.raises(ValueError, match="UTC offset"):
        store.record_truths(MODEL, [GroundTruth(an_id, 3.0, datetime(2026, 11, 20))])


# As known at a time


def test_a_truth_is_missing_until_it_was_received(store: Store, an_id: str) -> None:
    store.record_truths(MODEL, [a_truth(an_id, 3.0, received_time=NOON + HOUR)])
    before = store.scored(MODEL, NOON, NOON + HOUR, known_at=NOON + HOUR - timedelta(microseconds=1))
    assert before["prediction_id"].to_list() == [an_id]
    assert before["truth"].isna().all()
    assert before["truth_received_time"].isna().all()
    then = store.scored(MODEL, NOON, NOON + HOUR, known_at=NOON + HOUR)
    assert (then["truth"].to_list(), then["truth_received_time"].to_list()) == ([3.0], [NOON + HOUR])


def test_a_corrected_truth_has_the_value_that_was_in_force_then(store: Store, an_id: str) -> None:
    for hours, value in ((1, 3.0), (2, "three"), (4, 4.0)):
        received = NOON + hours * HOUR
        store.record_truths(MODEL, [a_truth(an_id, value, correct=True, received_time=received)])
    known = {}
    for hours in (1, 2, 3, 4, 5):
        (row,) = store.scored(MODEL, NOON, NOON + HOUR, known_at=NOON + hours * HOUR).itertuples()
        known[hours] = (row.truth, (row.truth_received_time - NOON) / HOUR)
    assert known == {1: (3.0, 1), 2: ("three", 2), 3: ("three", 2), 4: (4.0, 4), 5: (4.0, 4)}


def test_what_was_known_may_be_asked_with_any_offset_and_for_each_prediction(store: Store) -> None:
    rows = [a_prediction(NOON + number * MINUTE, value=float(number)) for number in range(4)]
    store.record_predictions(MODEL, rows)
    truths = [a_truth(row.prediction_id, row.value, received_time=row.time + HOUR) for row in rows]
    store.record_truths(MODEL, truths)
    india = timezone(timedelta(hours=5, minutes=30))
    frame = store.scored(MODEL, NOON, NOON + HOUR, known_at=(NOON + HOUR + MINUTE).astimezone(india))
    assert frame["truth"].fillna(-1.0).to_list() == [0.0, 1.0, -1.0, -1.0]


# Scored


def test_scored_holds_all_predictions_of_the_range_oldest_first(store: Store) -> None:
    rows = [a_prediction(NOON + hours * HOUR, value=float(hours)) for hours in (30, -1, 0, 1, 2)]
    store.record_predictions(MODEL, rows)
    store.record_truths(MODEL, [a_truth(row.prediction_id, row.value) for row in rows if row.value != 1.0])
    frame = store.scored(MODEL, NOON, NOON + 2 * HOUR)
    assert frame["time"].to_list() == [NOON, NOON + HOUR]
    assert frame["truth"].fillna(-1.0).to_list() == [0.0, -1.0]
    assert frame["truth_received_time"].to_list() == [NOON + HOUR, pd.NaT]


def test_a_scored_frame_has_the_columns_and_types_of_the_contract(store: Store, an_id: str) -> None:
    store.record_truths(MODEL, [a_truth(an_id, 3.0)])
    frame = store.scored(MODEL, NOON, NOON + HOUR)
    assert tuple(frame.columns) == SCORED_COLUMNS
    assert frame.dtypes.astype(str).to_dict() == {
        "prediction_id": "object",
        "time": "datetime64[us, UTC]",
        "version": "Int64",
        "value": "float64",
        "score": "float64",
        "features": "object",
        "scores": "object",
        "truth": "float64",
        "truth_received_time": "datetime64[us, UTC]",
    }


def test_an_empty_scored_frame_and_one_without_truths_have_the_same_types(store: Store, an_id: str) -> None:
    without = store.scored(MODEL, NOON, NOON + HOUR)
    empty = store.scored("wine", NOON, NOON + HOUR)
    store.record_truths(MODEL, [a_truth(an_id, 3.0)])
    full = store.scored(MODEL, NOON, NOON + HOUR)
    assert (len(empty), len(without)) == (0, 1)
    assert empty.dtypes.to_dict() == without.dtypes.to_dict() == full.dtypes.to_dict()
    assert without["truth"].isna().all()
    assert without["truth_received_time"].isna().all()


def test_labels_are_scored_as_objects_with_none_where_no_truth_is_known(store: Store) -> None:
    known, unknown = a_prediction(value="Kätzchen 🐈"), a_prediction(NOON + timedelta(minutes=1), value="dog")
    store.record_predictions(MODEL, [known, unknown])
    store.record_truths(MODEL, [a_truth(known.prediction_id, "Kätzchen 🐈")])
    frame = store.scored(MODEL, NOON, NOON + HOUR)
    assert frame["value"].to_list() == ["Kätzchen 🐈", "dog"]
    assert frame["truth"].to_list() == ["Kätzchen 🐈", None]
