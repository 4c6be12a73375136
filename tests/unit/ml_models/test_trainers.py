from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as reference
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import train_test_split

from ml_models.trainers.base import REFERENCE_ROWS, Trainer
from ml_models.trainers.housing_price import HousingPrice
from ml_models.trainers.payment_fraud import PaymentFraud


@pytest.fixture(scope="module", params=[HousingPrice, PaymentFraud])
def trainer(request: pytest.FixtureRequest) -> Trainer:
    made: Trainer = request.param()
    return made


def test_the_metrics_are_those_of_scikit_learn_on_the_seeds_split_of_house_prices() -> None:
    trainer = HousingPrice()
    table = trainer.generate()
    rows, target = table[list(trainer.features)], table["Price"]
    train_rows, test_rows, train_target, test_target = train_test_split(rows, target, test_size=0.4, random_state=42)
    values = LinearRegression().fit(train_rows, train_target).predict(test_rows)
    metrics = trainer.train(table).metrics
    assert list(metrics) == ["mean_squared_error", "mean_absolute_error", "r2_score"]
    assert metrics["mean_squared_error"] == pytest.approx(reference.mean_squared_error(test_target, values), rel=1e-9)
    assert metrics["mean_absolute_error"] == pytest.approx(reference.mean_absolute_error(test_target, values), rel=1e-9)
    assert metrics["r2_score"] == pytest.approx(reference.r2_score(test_target, values), rel=1e-9)


def test_the_metrics_are_those_of_scikit_learn_on_the_seeds_split_of_payments() -> None:
    trainer = PaymentFraud()
    table = trainer.generate()
    rows, target = table[list(trainer.features)], table["label"]
    train_rows, test_rows, train_target, test_target = train_test_split(rows, target, test_size=0.4, random_state=42)
    model = LogisticRegression().fit(train_rows, train_target)
    labels, probabilities = model.predict(test_rows), model.predict_proba(test_rows)
    metrics = trainer.train(table).metrics
    assert list(metrics) == [
        "accuracy_score", "confusion_matrix", "log_loss", "log_loss_proba", "precision_score", "recall_score",
    ]  # fmt: skip
    assert metrics["confusion_matrix"] == reference.confusion_matrix(test_target, labels).tolist()
    assert metrics["accuracy_score"] == pytest.approx(reference.accuracy_score(test_target, labels), rel=1e-9)
    assert metrics["precision_score"] == pytest.approx(reference.precision_score(test_target, labels), rel=1e-9)
    assert metrics["recall_score"] == pytest.approx(reference.recall_score(test_target, labels), rel=1e-9)
    assert metrics["log_loss"] == pytest.approx(reference.log_loss(test_target, labels), rel=1e-9)
    assert metrics["log_loss_proba"] == pytest.approx(reference.log_loss(test_target, probabilities), rel=1e-9)


def test_the_generated_tables_are_neither_trivial_nor_hopeless() -> None:
    house, fraud = HousingPrice(), PaymentFraud()
    assert 0.85 < house.train(house.generate()).metrics["r2_score"] < 0.95
    metrics = fraud.train(fraud.generate()).metrics
    assert 0.90 < metrics["accuracy_score"] < 0.95
    assert 0.4 < metrics["recall_score"] < 0.7


def test_the_reference_sample_holds_rows_the_model_has_not_seen(trainer: Trainer) -> None:
    table = trainer.generate()
    trained = trainer.train(table)
    train_rows, _ = train_test_split(table[list(trainer.features)], test_size=0.4, random_state=42)
    columns = list(trainer.features)
    seen = set(map(tuple, train_rows.round(9).to_numpy(dtype=float)))
    sampled = list(map(tuple, trained.reference[columns].round(9).to_numpy(dtype=float)))
    assert len(sampled) == min(REFERENCE_ROWS, round(0.4 * len(table)))
    # Payments repeat by chance (small whole numbers); houses cannot.
    assert sum(row in seen for row in sampled) < 0.01 * len(sampled)


def test_the_reference_sample_holds_value_truth_and_score(trainer: Trainer) -> None:
    reference_sample = trainer.train(trainer.generate()).reference
    assert {"value", "truth"} <= set(reference_sample.columns)
    assert ("score" in reference_sample.columns) == (trainer.task == "binary")
    assert np.isfinite(reference_sample.to_numpy(dtype=float)).all()


def test_training_twice_gives_the_same_model(trainer: Trainer) -> None:
    table = trainer.generate()
    assert trainer.train(table).metrics == trainer.train(table).metrics
