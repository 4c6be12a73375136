"""Watched models: what is logged of them, and that they stay the models they are."""

from __future__ import annotations

import logging
import pickle
import threading
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils.validation import check_is_fitted

from ml_core.outbox.batches import Addressee, Batch
from ml_core.outbox.tables import read_values
from ml_core.outbox.watched import Watched, task_of

GENERATOR = np.random.default_rng(1)
ROWS = GENERATOR.normal(size=(60, 2))
FRAME = pd.DataFrame(ROWS, columns=["age", "income"])
TWO = (ROWS[:, 0] > 0).astype(int)
THREE = np.array(["high", "low", "middle"])[np.digitize(ROWS[:, 0], [-0.5, 0.5])]


class Log:
    """Keeps what is logged."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []

    def __call__(self, features: dict[str, Any], rows: int, values: Any, scores: Any) -> Batch:
        columns = {"value": list(read_values("values", values, rows))}
        if scores is not None:
            columns["score"] = list(scores)
        ids = f"batch{len(self.batches)}"
        self.batches.append(Batch(Addressee("predictions", "m"), rows, ids, columns, features))
        return self.batches[-1]


@pytest.fixture
def log() -> Log:
    return Log()


def test_a_prediction_is_logged_with_its_features_by_name(log: Log) -> None:
    model = LogisticRegression().fit(FRAME, TWO)
    watched = Watched(model, log)
    assert list(watched.predict(FRAME[:3])) == list(model.predict(FRAME[:3]))
    (batch,) = log.batches
    assert list(batch.features) == ["age", "income"]
    assert list(batch.features["age"]) == list(FRAME["age"][:3])
    assert list(batch.columns["value"]) == list(model.predict(FRAME[:3]))
    assert watched.last_ids == ["batch0-0", "batch0-1", "batch0-2"]


def test_rows_by_keyword_are_logged_too(log: Log) -> None:
    Watched(LinearRegression().fit(FRAME, ROWS[:, 1]), log).predict(X=FRAME[:2])
    assert log.batches[0].rows == 2


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_rows_of_an_array_take_the_names_that_the_model_learnt(log: Log) -> None:
    Watched(LogisticRegression().fit(FRAME, TWO), log).predict(ROWS[:2])
    assert list(log.batches[0].features) == ["age", "income"]


def test_the_probability_of_the_second_of_two_classes_is_the_score(log: Log) -> None:
    model = RandomForestClassifier(5, random_state=1).fit(ROWS, TWO)
    answer = Watched(model, log).predict_proba(ROWS[:4])
    (batch,) = log.batches  # the forest's own calls of its methods are no predictions
    assert list(batch.columns["score"]) == list(answer[:, 1])
    assert list(batch.columns["value"]) == list(model.predict(ROWS[:4]))


def test_of_several_classes_each_has_its_score(log: Log) -> None:
    answer = Watched(LogisticRegression().fit(FRAME, THREE), log).predict_proba(FRAME[:4])
    (batch,) = log.batches
    assert list(batch.features) == ["age", "income", "score:high", "score:low", "score:middle"]
    assert list(batch.features["score:low"]) == list(answer[:, 1])
    assert list(batch.columns["score"]) == list(answer.max(axis=1))
    assert set(batch.columns["value"]) <= {"high", "low", "middle"}


def test_an_anomaly_score_stands_beside_its_decision(log: Log) -> None:
    model = IsolationForest(n_estimators=20, random_state=1).fit(ROWS)
    outlier = np.array([[9.0, 9.0], [0.0, 0.0]])
    scores = Watched(model, log).score_samples(outlier)
    assert list(log.batches[0].columns["score"]) == list(scores)
    assert log.batches[0].columns["value"] == list(model.predict(outlier)) == [-1, 1]


def test_texts_are_logged_as_one_column(log: Log) -> None:
    texts = ["good", "bad", "good day", "bad day"]
    Watched(make_pipeline(CountVectorizer(), LogisticRegression()).fit(texts, [1, 0, 1, 0]), log).predict(texts[:2])
    assert log.batches[0].features == {"x0": ["good", "bad"]}


@pytest.mark.parametrize(
    ("model", "task"),
    [
        (LinearRegression().fit(ROWS, TWO), "regression"),
        (LogisticRegression().fit(ROWS, TWO), "binary"),
        (LogisticRegression().fit(ROWS, THREE), "multiclass"),
        (IsolationForest(n_estimators=2).fit(ROWS), "anomaly"),
    ],
)
def test_the_task_is_told_from_the_model(model: Any, task: str) -> None:
    assert task_of(model) == task


def test_only_the_methods_that_are_named_are_watched(log: Log) -> None:
    watched = Watched(LogisticRegression().fit(ROWS, TWO), log, ["predict_proba"])
    watched.predict(ROWS[:2])
    assert log.batches == []
    watched.predict_proba(ROWS[:2])
    assert len(log.batches) == 1


def test_a_watched_model_is_otherwise_the_model(log: Log) -> None:
    model = LogisticRegression(C=0.5).fit(ROWS, TWO)
    watched: Any = Watched(model, log)
    assert isinstance(watched, LogisticRegression)
    check_is_fitted(watched)
    assert watched.C == 0.5
    assert not hasattr(watched, "score_samples")
    assert watched.score(ROWS, TWO) == model.score(ROWS, TWO)
    assert log.batches == []  # its own calls of its methods are not predictions served
    assert type(clone(watched)) is LogisticRegression
    watched.C = 2.0
    assert model.C == 2.0
    del watched.C
    assert not hasattr(model, "C")
    assert "predict" in dir(watched)
    assert "last_ids" in dir(watched)
    assert "coef_" in dir(watched)


def test_the_steps_of_a_watched_pipeline_can_be_taken(log: Log) -> None:
    pipeline = make_pipeline(LogisticRegression()).fit(ROWS, TWO)
    watched: Any = Watched(pipeline, log)
    assert watched[0] is pipeline[0]
    assert len(watched) == 1
    assert Watched(LogisticRegression(), log)


def test_it_pickles_as_the_model_alone(log: Log) -> None:
    watched = Watched(LogisticRegression().fit(ROWS, TWO), log)
    loaded = pickle.loads(pickle.dumps(watched))
    assert type(loaded) is LogisticRegression
    assert list(loaded.predict(ROWS)) == list(watched.predict(ROWS))


def test_what_the_model_raises_reaches_the_caller_and_nothing_is_logged(log: Log) -> None:
    watched = Watched(LogisticRegression().fit(ROWS, TWO), log)
    with pytest.raises(ValueError, match="features"):
        watched.predict(np.zeros((1, 7)))
    assert log.batches == []
    assert watched.watch_failures == 0


def test_a_fault_of_logging_never_reaches_the_caller_and_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    def breaks(*arguments: Any) -> Batch:
        raise RuntimeError("no room")

    model = LogisticRegression().fit(ROWS, TWO)
    watched = Watched(model, breaks)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert list(watched.predict(ROWS)) == list(model.predict(ROWS))
    assert watched.watch_failures == 3
    assert [record.getMessage() for record in caplog.records] == [
        "a call of predict could not be logged (said once): RuntimeError: no room"
    ]
    assert watched.last_ids == []


def test_answers_that_cannot_be_logged_are_counted(log: Log) -> None:
    class Odd:
        def predict(self, rows: NDArray[Any]) -> str:
            return "not one for each row"

    assert Watched(Odd(), log).predict(ROWS) == "not one for each row"
    assert log.batches == []


def test_each_thread_has_the_ids_of_its_own_last_call(log: Log) -> None:
    watched = Watched(LogisticRegression().fit(ROWS, TWO), log)
    watched.predict(ROWS[:1])
    elsewhere: list[list[str]] = []

    def call() -> None:
        elsewhere.append(watched.last_ids)
        watched.predict(ROWS[:2])
        elsewhere.append(watched.last_ids)

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    assert elsewhere == [[], ["batch1-0", "batch1-1"]]
    assert watched.last_ids == ["batch0"]
