"""What every store promises of predictions: once per id, and nothing altered."""

from __future__ import annotations

import math
import random
import struct
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from ml_core.ids import new_id
from ml_core.records import Prediction, Receipt
from ml_core.store.base import Store
from tests.factories import NOON, a_prediction

MODEL = "housing_price"
HOUR = timedelta(hours=1)
MICROSECOND = timedelta(microseconds=1)


def all_of(store: Store, model: str = MODEL) -> list[Prediction]:
    """Return what is stored around noon, as it was recorded."""
    frame = store.predictions(model, NOON - 30 * timedelta(days=1), NOON + timedelta(days=30))
    return [
        Prediction(
            prediction_id=row.prediction_id,
            time=row.time.to_pydatetime(),
            features=row.features,
            value=row.value,
            score=None if math.isnan(row.score) else row.score,
            version=None if row.version is pd.NA else int(row.version),
            scores=row.scores,
        )
        for row in frame.itertuples()
    ]


def the_rejection(receipt: Receipt) -> str:
    """Return the message of a receipt with one rejection of an id and nothing else."""
    (rejection,) = receipt.rejected
    assert (receipt.accepted, receipt.duplicates, rejection.field) == (0, 0, "prediction_id")
    return rejection.message


# Once per id


def test_a_recorded_prediction_comes_back_as_it_was(store: Store) -> None:
    row = a_prediction(score=0.25, features={"rooms": 4.5, "floors": 2, "town": "Köln", "new": True, "agent": None})
    assert store.record_predictions(MODEL, [row]) == Receipt(accepted=1)
    assert all_of(store) == [row]
    features = all_of(store)[0].features
    assert {name: type(value) for name, value in features.items()} == {
        "rooms": float,
        "floors": int,
        "town": str,
        "new": bool,
        "agent": type(None),
    }


def test_scores_by_class_come_back_exactly_beside_rows_that_have_none(store: Store) -> None:
    scores = {"small": 0.1 + 0.2, "größer": 1e-300, "3": 0.7}
    rows = [a_prediction(NOON, value="small", scores=scores), a_prediction(NOON + HOUR, value="3")]
    assert store.record_predictions(MODEL, rows) == Receipt(accepted=2)
    assert all_of(store) == rows
    assert list(store.each_prediction(MODEL)) == rows
    scored = store.scored(MODEL, NOON, NOON + 2 * HOUR)
    assert list(scored["scores"]) == [scores, None]


def test_no_scores_by_class_are_the_same_as_none(store: Store) -> None:
    store.record_predictions(MODEL, [a_prediction(prediction_id="one", scores={})])
    assert store.record_predictions(MODEL, [a_prediction(prediction_id="one")]) == Receipt(duplicates=1)
    assert all_of(store)[0].scores is None


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ({"a": float("nan")}, "expected a finite number for 'a', not nan"),
        ({"a": True}, "expected a finite number for 'a', not true"),
        ({"\ud800": 0.5}, "characters of text"),
        ({"a" * 1000: 0.5}, "characters of text"),
    ],
)
def test_scores_that_no_store_could_keep_are_rejected_and_the_rest_is_stored(
    store: Store, scores: dict[str, float], message: str
) -> None:
    receipt = store.record_predictions(MODEL, [a_prediction(scores=scores), a_prediction(NOON + HOUR)])
    (rejection,) = receipt.rejected
    assert (receipt.accepted, rejection.index, rejection.field) == (1, 0, "scores")
    assert message in rejection.message


@pytest.mark.parametrize("new_ids", [False, True])
def test_a_batch_longer_than_a_thousand_is_stored_whole(store: Store, new_ids: bool) -> None:
    rows = [a_prediction(NOON + number * MICROSECOND, value=float(number)) for number in range(2345)]
    assert store.record_predictions(MODEL, rows, new_ids=new_ids) == Receipt(accepted=2345)
    assert all_of(store) == rows
    assert store.record_predictions(MODEL, rows) == Receipt(duplicates=2345)


def test_an_empty_batch_is_an_empty_receipt(store: Store) -> None:
    assert store.record_predictions(MODEL, []) == Receipt()
    assert store.record_predictions(MODEL, [], new_ids=True) == Receipt()


def test_the_same_prediction_again_is_a_duplicate(store: Store) -> None:
    row = a_prediction(score=0.1 + 0.2, features={"rooms": 0.1, "town": "Köln", "new": True, "agent": None})
    store.record_predictions(MODEL, [row])
    again = Prediction(row.prediction_id, row.time, dict(reversed(row.features.items())), row.value, 0.1 + 0.2, 1)
    assert store.record_predictions(MODEL, [again]) == Receipt(duplicates=1)
    assert all_of(store) == [row]


def test_numbers_are_the_same_whether_sent_as_integers_or_not(store: Store) -> None:
    store.record_predictions(MODEL, [a_prediction(prediction_id="one", value=3, score=1, features={"rooms": 4})])
    again = a_prediction(prediction_id="one", value=3.0, score=1.0, features={"rooms": 4.0})
    assert store.record_predictions(MODEL, [again]) == Receipt(duplicates=1)
    stored = all_of(store)[0]
    assert (type(stored.value), type(stored.score)) == (float, float)


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"value": 2.0}, "value 1.0, not 2.0"),
        ({"value": "1.0"}, "value 1.0, not '1.0'"),
        ({"score": 0.75}, "score 0.5, not 0.75"),
        ({"score": None}, "score 0.5, not none"),
        ({"scores": {"a": 0.5}}, "scores none, not {'a': 0.5}"),
        ({"version": 2}, "version 1, not 2"),
        ({"time": NOON + MICROSECOND}, "time 2026-11-20T12:00:00Z, not 2026-11-20T12:00:00.000001Z"),
        ({"time": NOON + timedelta(days=3)}, "time 2026-11-20T12:00:00Z, not 2026-11-23T12:00:00Z"),
        ({"features": {"rooms": 5.0, "new": True}}, "feature 'rooms' 4.0, not 5.0"),
        ({"features": {"rooms": 4.0, "new": 1}}, "feature 'new' true, not 1"),
        ({"features": {"rooms": 4.0}}, "feature 'new' true, not left out"),
    ],
)
def test_an_id_reused_for_another_row_is_rejected_with_both_values(
    store: Store, changes: dict[str, Any], difference: str
) -> None:
    content: dict[str, Any] = {"value": 1.0, "score": 0.5, "features": {"rooms": 4.0, "new": True}}
    row = a_prediction(prediction_id="order-1", **content)
    store.record_predictions(MODEL, [row])
    receipt = store.record_predictions(MODEL, [a_prediction(**{"prediction_id": "order-1", **content, **changes})])
    assert the_rejection(receipt) == f"this id is stored already with another content: {difference}"
    assert all_of(store) == [row]


def test_an_id_that_carries_its_time_is_rejected_with_another_time_too(store: Store) -> None:
    row = a_prediction()
    store.record_predictions(MODEL, [row])
    receipt = store.record_predictions(MODEL, [a_prediction(NOON + 40 * HOUR, prediction_id=row.prediction_id)])
    assert "time 2026-11-20T12:00:00Z, not 2026-11-22T04:00:00Z" in the_rejection(receipt)
    assert all_of(store) == [row]


def test_an_id_may_carry_another_time_than_that_of_its_prediction(store: Store) -> None:
    row = a_prediction(NOON, prediction_id=new_id(NOON - 100 * HOUR))
    assert store.record_predictions(MODEL, [row]) == Receipt(accepted=1)
    assert store.record_predictions(MODEL, [row]) == Receipt(duplicates=1)
    assert all_of(store) == [row]


def test_a_batch_is_judged_row_by_row_and_the_rest_of_it_is_stored(store: Store) -> None:
    old, other, new = (a_prediction(prediction_id=name, value=1.0) for name in ("old", "other", "new"))
    store.record_predictions(MODEL, [old, other])
    receipt = store.record_predictions(MODEL, [old, a_prediction(prediction_id="other", value=2.0), new])
    assert (receipt.accepted, receipt.duplicates) == (1, 1)
    assert [rejection.index for rejection in receipt.rejected] == [1]
    assert all_of(store) == sorted([old, other, new], key=lambda row: row.prediction_id)


def test_an_id_twice_in_one_batch_is_judged_as_if_the_first_were_stored(store: Store) -> None:
    row = a_prediction(prediction_id="order-1", value=1.0)
    receipt = store.record_predictions(
        MODEL, [row, row, a_prediction(prediction_id="order-1", value=2.0), a_prediction(NOON + HOUR)]
    )
    assert (receipt.accepted, receipt.duplicates) == (2, 1)
    assert [(rejection.index, rejection.field) for rejection in receipt.rejected] == [(2, "prediction_id")]
    assert "value 1.0, not 2.0" in receipt.rejected[0].message
    assert len(all_of(store)) == 2


def test_the_same_id_in_two_models_is_two_predictions(store: Store) -> None:
    row = a_prediction()
    assert store.record_predictions(MODEL, [row]).accepted == 1
    assert store.record_predictions("wine", [row]).accepted == 1
    assert all_of(store, MODEL) == all_of(store, "wine") == [row]


@pytest.mark.parametrize(
    "ids",
    [
        ["A", "a", "ä", "Ä", "á"],
        ["ß", "ss", "SS"],
        ["🏠", "🏡", "🏠1"],
        ["x" * 100, "x" * 99, "ü" * 100],
        ["😀" * 255],
        ["../up", "a/b", "a\\b", "%s", "it's", '"', "a b", "null", "{}", "1", "01", "1.0"],
    ],
)
def test_foreign_ids_are_told_apart_exactly(store: Store, ids: list[str]) -> None:
    rows = [a_prediction(prediction_id=name, value=float(number)) for number, name in enumerate(ids)]
    assert store.record_predictions(MODEL, rows) == Receipt(accepted=len(ids))
    assert store.record_predictions(MODEL, rows) == Receipt(duplicates=len(ids))
    assert {row.prediction_id: row.value for row in all_of(store)} == {row.prediction_id: row.value for row in rows}


def test_ids_of_a_batch_with_row_numbers_are_told_apart(store: Store) -> None:
    batch = new_id(NOON)
    rows = [a_prediction(prediction_id=f"{batch}-{number}") for number in range(12)]
    assert store.record_predictions(MODEL, rows, new_ids=True) == Receipt(accepted=12)
    assert store.record_predictions(MODEL, rows) == Receipt(duplicates=12)


@pytest.mark.parametrize("label", ["cat", "", "Größe 🏠", "a'b\"c\\d%s", "1.0", "null", "x" * 255, "two\nlines"])
def test_labels_come_back_as_they_were(store: Store, label: str) -> None:
    row = a_prediction(value=label, features={"text": label})
    store.record_predictions(MODEL, [row])
    assert all_of(store) == [row]
    assert store.record_predictions(MODEL, [row]) == Receipt(duplicates=1)


def test_numbers_come_back_to_the_last_bit(store: Store) -> None:
    dice = random.Random(1)
    numbers = [0.0, 1e-300, 5e-324, 1.7976931348623157e308, -1e22, 1 / 3, 123456789.123456789]
    numbers += [number for number in (struct.unpack("d", dice.randbytes(8))[0] for _ in range(300)) if number == number]
    rows = [
        a_prediction(NOON + number * MICROSECOND, value=value, score=value, features={"x": value})
        for number, value in enumerate(numbers)
    ]
    store.record_predictions(MODEL, rows)
    assert all_of(store) == rows
    assert store.record_predictions(MODEL, rows) == Receipt(duplicates=len(rows))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"value": math.nan}, "value"),
        ({"value": math.inf}, "value"),
        ({"value": "x" * 256}, "value"),
        ({"value": "\ud800"}, "value"),
        ({"score": math.nan}, "score"),
        ({"features": {"rooms": math.inf}}, "features"),
        ({"features": {"rooms": "\ud800"}}, "features"),
        ({"features": {"rooms": 2**70}}, "features"),
        ({"prediction_id": ""}, "prediction_id"),
        ({"prediction_id": "order-1 "}, "prediction_id"),
        ({"prediction_id": "x" * 256}, "prediction_id"),
        ({"prediction_id": "\udfff"}, "prediction_id"),
    ],
)
@pytest.mark.parametrize("new_ids", [False, True])
def test_a_row_that_cannot_be_kept_as_it_is_is_rejected_and_the_rest_stored(
    store: Store, changes: dict[str, Any], field: str, new_ids: bool
) -> None:
    fit = a_prediction()
    receipt = store.record_predictions(MODEL, [a_prediction(**changes), fit], new_ids=new_ids)
    assert receipt.accepted == 1
    assert [(rejection.index, rejection.field) for rejection in receipt.rejected] == [(0, field)]
    assert "expected" in receipt.rejected[0].message
    assert all_of(store) == [fit]


def test_a_naive_time_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="UTC offset"):
        store.record_predictions(MODEL, [a_prediction(), Prediction("x", datetime(2026, 11, 20), {}, 1.0)])
    assert all_of(store) == []
