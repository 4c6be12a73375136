"""The log of what a served model answered, on a real embedded store."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from ml_core.artifacts.formats import Outputs
from ml_core.clock import FixedClock
from ml_core.errors import StoreUnavailable
from ml_core.ids import id_time
from ml_core.masking import Masking
from ml_core.prediction_log import PredictionLog
from ml_core.records import Prediction
from ml_core.store.json_store import JsonStore
from tests.factories import NOON, a_truth

MODEL = "housing_price"
HOUR = timedelta(hours=1)


@pytest.fixture
def log(json_store: JsonStore, clock: FixedClock) -> PredictionLog:
    return PredictionLog(json_store, clock)


def test_one_row_gets_a_plain_id_that_tells_its_time(log: PredictionLog) -> None:
    (prediction,) = log.record(MODEL, 3, [{"rooms": 4.0}], Outputs([250_000.0]))
    assert id_time(prediction.prediction_id) == NOON
    assert len(prediction.prediction_id) == 36
    assert prediction == Prediction(prediction.prediction_id, NOON, {"rooms": 4.0}, 250_000.0, None, 3)


def test_several_rows_share_an_id_and_add_their_place(log: PredictionLog) -> None:
    rows = [{"rooms": float(number)} for number in range(12)]
    predictions = log.record(MODEL, 1, rows, Outputs([10.0 * number for number in range(12)]))
    batch = predictions[0].prediction_id[:36]
    assert [row.prediction_id for row in predictions] == [f"{batch}-{number}" for number in range(12)]
    assert [row.value for row in predictions] == [10.0 * number for number in range(12)]
    assert [row.features for row in predictions] == rows
    assert {id_time(row.prediction_id) for row in predictions} == {NOON}


def test_masked_features_are_not_stored(json_store: JsonStore, clock: FixedClock) -> None:
    log = PredictionLog(json_store, clock, Masking((f"{MODEL}.income",)))
    row = {"rooms": 4.0, "income": 70_000.0}
    log.record(MODEL, 1, [row], Outputs([1.0]))
    (stored,) = json_store.each_prediction(MODEL)
    assert stored.features == {"rooms": 4.0, "income": None}
    assert row["income"] == 70_000.0


def test_two_answers_at_one_moment_have_different_ids(log: PredictionLog) -> None:
    ids = {log.record(MODEL, 1, [{}], Outputs([1.0]))[0].prediction_id for _ in range(50)}
    assert len(ids) == 50


def test_scores_are_kept_beside_the_values(log: PredictionLog, json_store: JsonStore) -> None:
    log.record("payment_fraud", 2, [{"numItems": 1}, {"numItems": 2}], Outputs(["ok", "fraud"], [0.1, 0.9]))
    frame = json_store.predictions("payment_fraud", NOON, NOON + HOUR)
    assert frame[["value", "score", "version"]].to_numpy().tolist() == [["ok", 0.1, 2], ["fraud", 0.9, 2]]


def test_an_answer_is_stored_before_it_is_returned(log: PredictionLog, json_store: JsonStore) -> None:
    predictions = log.record(MODEL, 1, [{"rooms": 1}, {"rooms": None}], Outputs([1.0, 2.0]))
    frame = json_store.predictions(MODEL, NOON, NOON + HOUR)
    assert frame["prediction_id"].tolist() == [row.prediction_id for row in predictions]
    assert frame["features"].tolist() == [{"rooms": 1}, {"rooms": None}]


def test_the_truth_can_come_later_by_the_id_of_a_row(log: PredictionLog, json_store: JsonStore) -> None:
    first, second = log.record(MODEL, 1, [{"rooms": 1}, {"rooms": 2}], Outputs([1.0, 2.0]))
    json_store.record_truths(MODEL, [a_truth(second.prediction_id, 2.5)])
    truths = json_store.scored(MODEL, NOON, NOON + HOUR).set_index("prediction_id")["truth"]
    assert truths[second.prediction_id] == 2.5
    assert truths.isna()[first.prediction_id]


def test_an_answer_that_cannot_be_stored_is_not_given(
    log: PredictionLog, json_store: JsonStore, tmp_path: Path
) -> None:
    (tmp_path / "store" / "records").touch()  # a file where the folder should be
    with pytest.raises(StoreUnavailable):
        log.record(MODEL, 1, [{}], Outputs([1.0]))
