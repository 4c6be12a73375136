"""Valid records in one line, so that a test states only what matters to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from ml_core.ids import new_id
from ml_core.records import FeatureSpec, GroundTruth, Model, ModelVersion, Prediction

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
"""The time at which most tests take place."""


def a_model(name: str = "housing_price", **changes: Any) -> Model:
    """Return a registered model without versions."""
    values: dict[str, Any] = {
        "name": name,
        "title": name.replace("_", " ").title(),
        "task": "regression",
        "created_time": NOON - timedelta(days=30),
        "headline_metric": "r2_score",
    }
    return Model(**values | changes)


def a_version(model: str = "housing_price", **changes: Any) -> ModelVersion:
    """Return a version that has no number yet."""
    values: dict[str, Any] = {
        "model": model,
        "created_time": NOON - timedelta(days=1),
        "metrics": {"mean_squared_error": 4.0, "mean_absolute_error": 1.5, "r2_score": 0.9},
        "features": (FeatureSpec("rooms", "number"),),
        "parameters": {"test_size": 0.4},
        "lineage": {"data_sha256": "0" * 64},
        "artifact": f"{model}/first",
        "artifact_sha256": "1" * 64,
        "reference_rows": 10,
    }
    return ModelVersion(**values | changes)


def a_prediction(time: datetime = NOON, **changes: Any) -> Prediction:
    """Return a prediction made at ``time``."""
    values: dict[str, Any] = {
        "prediction_id": new_id(time),
        "time": time,
        "features": {"rooms": 4.0},
        "value": 250_000.0,
        "version": 1,
    }
    return Prediction(**values | changes)


def some_predictions(count: int, first: int = 0) -> list[Prediction]:
    """Return predictions made at noon with ids of their own, ``order-<first>`` and so on."""
    return [a_prediction(NOON, prediction_id=f"order-{number}") for number in range(first, first + count)]


def a_truth(prediction_id: str, value: float | str = 260_000.0, **changes: Any) -> GroundTruth:
    """Return the truth of a prediction, known an hour after noon."""
    values: dict[str, Any] = {
        "prediction_id": prediction_id,
        "value": value,
        "received_time": NOON + timedelta(hours=1),
    }
    return GroundTruth(**values | changes)


def a_row(number: int) -> dict[str, Any]:
    """Return a row of a segment of the embedded store; rows of different numbers differ."""
    features = {"rooms": number / 3, "city": "Zürich", "sold": number % 2 == 0, "age": None}
    return {"prediction_id": f"order-{number}", "value": number * 1.7, "score": 0.25, "features": features}


def some_rows(count: int) -> list[dict[str, Any]]:
    """Return rows of a segment, numbered from 0."""
    return [a_row(number) for number in range(count)]
