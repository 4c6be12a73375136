"""What becomes of each row of a batch."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_core.records import GroundTruth, Prediction, Receipt, Value
from ml_core.store.deciding import decide_predictions, decide_replayed_truths, decide_truths, ids_to_look_up
from tests.factories import NOON, a_prediction, a_truth


def message_of(receipt: Receipt) -> str:
    (rejection,) = receipt.rejected
    return rejection.message


def second(changes: dict[str, Any], **content: Any) -> Receipt:
    """Return the receipt of a row that repeats the id of a stored one with some changes."""
    stored = a_prediction(**{"prediction_id": "a", "value": 1.0, **content})
    return decide_predictions([replace(stored, **changes)], {"a": stored})[1]


# Predictions


def test_new_rows_are_stored_in_their_order() -> None:
    rows = [a_prediction(prediction_id=name) for name in ("b", "a", "c")]
    assert decide_predictions(rows, {}) == (rows, Receipt(accepted=3))


def test_a_stored_row_is_a_duplicate_and_not_stored_again() -> None:
    row = a_prediction()
    assert decide_predictions([row, row], {row.prediction_id: row}) == ([], Receipt(duplicates=2))


def test_rows_to_store_have_floats_and_times_in_utc() -> None:
    india = timezone(timedelta(hours=5, minutes=30))
    row = a_prediction(prediction_id="a", time=NOON.astimezone(india), value=3, score=True)
    (stored,) = decide_predictions([row], {})[0]
    assert stored == replace(row, value=3.0, score=1.0)
    assert (type(stored.value), type(stored.score), stored.time.tzinfo) == (float, float, UTC)


def test_a_label_of_another_string_type_becomes_a_plain_one() -> None:
    class Label(str):
        pass

    (truth,) = decide_truths([a_truth("a", Label("cat"))], {})[0]
    assert type(truth.value) is str


def test_features_may_be_any_mapping() -> None:
    row = a_prediction(features=MappingProxyType({"rooms": 4.0}))
    assert decide_predictions([row], {row.prediction_id: a_prediction(prediction_id=row.prediction_id)})[1] == Receipt(
        duplicates=1
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"value": 2}, "value 1.0, not 2.0"),
        ({"value": "cat"}, "value 1.0, not 'cat'"),
        ({"version": None}, "version 1, not none"),
        ({"value": 2.0, "version": 3}, "value 1.0, not 2.0; version 1, not 3"),
        ({"features": {}}, "feature 'rooms' 4.0, not left out"),
        ({"features": {"rooms": 4.0, "new": None}}, "feature 'new' left out, not none"),
        ({"features": {"rooms": False}}, "feature 'rooms' 4.0, not false"),
        ({"features": {"rooms": "x" * 100}}, "feature 'rooms' 4.0, not '" + "x" * 59 + "..."),
    ],
)
def test_a_conflict_names_what_differs(changes: dict[str, Any], expected: str) -> None:
    assert message_of(second(changes)) == f"this id is stored already with another content: {expected}"


def test_a_conflict_of_many_features_names_the_first_three() -> None:
    features = {f"f{number}": 0.0 for number in range(9)}
    message = message_of(second({"features": dict.fromkeys(features, 1.0)}, features=features))
    assert message.endswith(
        "feature 'f0' 0.0, not 1.0; feature 'f1' 0.0, not 1.0; feature 'f2' 0.0, not 1.0; and 6 more features"
    )


@pytest.mark.parametrize(("one", "other"), [(True, 1), (False, 0), (True, 1.0), (None, 0), ("1", 1)])
def test_features_of_another_kind_are_another_content(one: Any, other: Any) -> None:
    assert len(second({"features": {"x": other}}, features={"x": one}).rejected) == 1
    assert len(second({"features": {"x": one}}, features={"x": other}).rejected) == 1


def test_a_whole_number_is_the_same_feature_as_its_float() -> None:
    assert second({"features": {"x": 4.0}}, features={"x": 4}) == Receipt(duplicates=1)


def test_the_first_row_of_an_id_in_a_batch_counts_as_stored_unless_it_was_rejected() -> None:
    rows = [a_prediction(prediction_id="a", value=value) for value in (math.nan, 1.0, 2.0, 1.0)]
    to_store, receipt = decide_predictions(rows, {})
    assert to_store == [rows[1]]
    assert (receipt.accepted, receipt.duplicates, [each.index for each in receipt.rejected]) == (1, 1, [0, 2])


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"value": math.nan}, "value", "expected a finite number, not nan"),
        ({"value": 10**400}, "value", "expected a finite number, not 1000000000"),
        ({"value": "x" * 256}, "value", "expected a label of at most 255 characters of text, not 'xxx"),
        ({"score": -math.inf}, "score", "expected a finite number, not -inf"),
        ({"features": {"x": None, "y": math.nan}}, "features", "expected a finite number for 'y', not nan"),
        ({"features": {"x": object()}}, "features", "expected numbers, texts, true, false or null by name: "),
        ({"features": {1: 1.0}}, "features", "expected numbers, texts, true, false or null by name: "),
        ({"prediction_id": "\t"}, "prediction_id", "expected 1 to 255 characters of text with no blank at either end"),
    ],
)
def test_a_row_that_no_store_could_keep_is_rejected(changes: dict[str, Any], field: str, message: str) -> None:
    to_store, receipt = decide_predictions([a_prediction(**changes)], {})
    assert to_store == []
    (rejection,) = receipt.rejected
    assert (rejection.index, rejection.field) == (0, field)
    assert rejection.message.startswith(message)


def test_a_missing_feature_is_not_a_fault() -> None:
    row = a_prediction(features={"x": None, "y": 1.0})
    assert decide_predictions([row], {})[1] == Receipt(accepted=1)


def test_ids_to_look_up_are_distinct_and_fit() -> None:
    rows = [a_prediction(prediction_id=name) for name in ("b", "a", "", "b", "\ud800", "c ")]
    assert ids_to_look_up(rows) == ["b", "a"]


# Ground truths


def test_truths_are_judged_by_the_value_in_force() -> None:
    rows = [a_truth("new", 1), a_truth("same", 2), a_truth("other", 3), a_truth("corrected", 4, correct=True)]
    to_store, receipt = decide_truths(rows, {"same": 2.0, "other": 2.0, "corrected": 2.0})
    assert [(row.prediction_id, row.value) for row in to_store] == [("new", 1.0), ("corrected", 4.0)]
    assert (receipt.accepted, receipt.duplicates) == (2, 1)
    (rejection,) = receipt.rejected
    assert (rejection.index, rejection.field) == (2, "value")
    assert rejection.message == 'the truth 2.0 is stored already, not 3.0; send "correct": true to replace it'


def test_a_correction_to_the_value_in_force_is_a_duplicate() -> None:
    assert decide_truths([a_truth("a", 2, correct=True)], {"a": 2.0}) == ([], Receipt(duplicates=1))


def test_a_falsy_truth_is_a_truth() -> None:
    for value in (0.0, ""):
        assert decide_truths([a_truth("a", value)], {"a": value})[1] == Receipt(duplicates=1)
        assert len(decide_truths([a_truth("a", 1.0)], {"a": value})[1].rejected) == 1


def test_a_received_time_comes_out_in_utc() -> None:
    received = NOON.astimezone(timezone(timedelta(hours=-3)))
    (row,) = decide_truths([a_truth("a", 1.0, received_time=received)], {})[0]
    assert row.received_time == NOON
    assert row.received_time.tzinfo is UTC


ids = st.sampled_from(["a", "b"])
values = st.sampled_from([0.0, 1.0, "cat"])


@given(st.lists(st.builds(Prediction, ids, st.just(NOON), st.just({}), values)))
def test_a_batch_of_predictions_is_judged_like_its_rows_one_after_the_other(rows: list[Prediction]) -> None:
    stored: dict[str, Prediction] = {}
    receipts = []
    for row in rows:
        to_store, receipt = decide_predictions([row], stored)
        stored |= {new.prediction_id: new for new in to_store}
        receipts.append(receipt)
    to_store, receipt = decide_predictions(rows, {})
    assert {row.prediction_id: row for row in to_store} == stored
    assert_sum(receipt, receipts)


@given(st.lists(st.builds(GroundTruth, ids, values, st.just(NOON), st.booleans())))
def test_a_batch_of_truths_is_judged_like_its_rows_one_after_the_other(rows: list[GroundTruth]) -> None:
    stored: dict[str, Value] = {}
    receipts = []
    for row in rows:
        to_store, receipt = decide_truths([row], stored)
        stored |= {new.prediction_id: new.value for new in to_store}
        receipts.append(receipt)
    to_store, receipt = decide_truths(rows, {})
    assert {row.prediction_id: row.value for row in to_store} == stored
    assert_sum(receipt, receipts)


def assert_sum(receipt: Receipt, receipts: list[Receipt]) -> None:
    assert receipt.accepted == sum(each.accepted for each in receipts)
    assert receipt.duplicates == sum(each.duplicates for each in receipts)
    assert [each.message for each in receipt.rejected] == [each.message for one in receipts for each in one.rejected]
    assert receipt.accepted + receipt.duplicates + len(receipt.rejected) == len(receipts)


# Truths that may have been stored before


MINUTE = timedelta(minutes=1)


def a_later_truth(minutes: int, value: float, **changes: bool) -> GroundTruth:
    return a_truth("order-1", value, received_time=NOON + minutes * MINUTE, **changes)


HISTORY = {"order-1": [(NOON, 1.0), (NOON + 2 * MINUTE, 2.0)]}


@pytest.mark.parametrize(
    "row",
    [
        a_later_truth(0, 1.0),  # itself, corrected since
        a_later_truth(2, 2.0, correct=True),
        a_later_truth(1, 1.0),  # the same again, before the correction came
        a_later_truth(5, 2.0),
    ],
)
def test_a_replayed_truth_that_was_in_force_when_it_came_is_a_duplicate(row: GroundTruth) -> None:
    assert decide_replayed_truths([row], HISTORY) == ([], Receipt(duplicates=1))


def test_replayed_truths_that_are_new_are_judged_by_what_is_in_force_and_keep_their_places() -> None:
    known, contrary, correction = a_later_truth(0, 1.0), a_later_truth(5, 1.0), a_later_truth(6, 3.0, correct=True)
    new, receipt = decide_replayed_truths([known, contrary, correction, a_truth("order-2", 5.0)], HISTORY)
    assert [row.value for row in new] == [3.0, 5.0]
    assert (receipt.accepted, receipt.duplicates) == (2, 1)
    assert [each.index for each in receipt.rejected] == [1]
    assert "the truth 2.0 is stored already, not 1.0" in receipt.rejected[0].message


def test_a_truth_received_before_all_that_is_stored_is_judged_by_what_is_in_force() -> None:
    new, receipt = decide_replayed_truths([a_later_truth(-5, 1.0)], HISTORY)
    assert (new, len(receipt.rejected)) == ([], 1)


def test_a_replayed_truth_is_judged_by_those_before_it_in_the_batch_that_are_new() -> None:
    rows = [a_later_truth(3, 5.0, correct=True), a_later_truth(4, 2.0, correct=True), a_later_truth(5, 2.0)]
    new, receipt = decide_replayed_truths(rows, HISTORY)
    assert [row.value for row in new] == [5.0, 2.0]  # back to what was in force, and then that again
    assert receipt == Receipt(accepted=2, duplicates=1)


@given(
    st.lists(st.tuples(st.integers(1, 2), st.booleans()), min_size=3, max_size=6),
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 6)), min_size=1, max_size=4),
)
def test_truths_replayed_in_pieces_and_over_again_end_as_if_stored_one_by_one(
    posted: list[tuple[int, bool]], pieces: list[tuple[int, int]]
) -> None:
    rows = [a_later_truth(minute, float(value), correct=correct) for minute, (value, correct) in enumerate(posted)]
    expected: dict[str, list[tuple[datetime, Value]]] = {}
    for row in rows:
        in_force = {key: revisions[-1][1] for key, revisions in expected.items()}
        keep(decide_truths([row], in_force)[0], expected)
    stored: dict[str, list[tuple[datetime, Value]]] = {}
    done = 0
    for start, end in [*pieces, (len(rows), len(rows))]:
        start = min(start, done)  # a replay that was killed is begun anew from before, and never leaves rows out
        keep(decide_replayed_truths(rows[start:end], stored)[0], stored)
        done = max(done, min(end, len(rows)))
    assert stored == expected


def keep(new: list[GroundTruth], stored: dict[str, list[tuple[datetime, Value]]]) -> None:
    for row in new:
        stored.setdefault(row.prediction_id, []).append((row.received_time, row.value))
