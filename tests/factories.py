"""Valid records in one line, so that a test states only what matters to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from ml_core.ids import new_id
from ml_core.records import (
    FeatureSpec,
    Forecast,
    ForecastStep,
    GroundTruth,
    MetricPoint,
    Model,
    ModelVersion,
    Observation,
    Prediction,
)

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


def an_observation(time: datetime = NOON, value: float = 21.5, **changes: Any) -> Observation:
    """Return what was measured at ``time``, known a minute later."""
    values: dict[str, Any] = {"received_time": time + timedelta(minutes=1)}
    return Observation(time, value, **values | changes)


def a_forecast(issue_time: datetime = NOON, hours: int = 3, **changes: Any) -> Forecast:
    """Return a forecast for so many hours after its issue, with bounds; its values count the hours from 1."""
    steps = tuple(
        ForecastStep(issue_time + timedelta(hours=hour), float(hour), hour - 1.0, hour + 1.0, hour - 2.0, hour + 2.0)
        for hour in range(1, hours + 1)
    )
    values: dict[str, Any] = {"series": "web/cpu", "model": "arima", "issue_time": issue_time, "steps": steps}
    return Forecast(**values | {"version": 1} | changes)


def a_point(start_time: datetime = NOON, **changes: Any) -> MetricPoint:
    """Return the error of a model in one hour: 2 and 4, so 3 on average."""
    values: dict[str, Any] = {
        "model": "housing_price",
        "metric": "mean_absolute_error",
        "start_time": start_time,
        "end_time": start_time + timedelta(hours=1),
        "count": 2,
        "total": 6.0,
        "total_of_squares": 20.0,
    }
    return MetricPoint(**values | changes)


def a_row(number: int) -> dict[str, Any]:
    """Return a row of a segment of the embedded store; rows of different numbers differ."""
    features = {"rooms": number / 3, "city": "Zürich", "sold": number % 2 == 0, "age": None}
    return {"prediction_id": f"order-{number}", "value": number * 1.7, "score": 0.25, "features": features}


def some_rows(count: int) -> list[dict[str, Any]]:
    """Return rows of a segment, numbered from 0."""
    return [a_row(number) for number in range(count)]
