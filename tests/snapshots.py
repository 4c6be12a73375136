"""All that a store holds, as plain values, so that two stores can be compared whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from ml_core.records import GroundTruth, StageChange
from ml_core.store.base import Store
from tests.factories import NOON, a_forecast, a_model, a_point, a_prediction, a_truth, a_version, an_observation

ALL_TIME = (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC))


def everything(store: Store) -> dict[str, Any]:
    """Return every record of a store, by kind and name, each in an order that does not depend on the store's kind."""
    models, counts = store.list_models(), store.count_records()
    return {
        "models": models,
        "versions": {model.name: store.list_versions(model.name) for model in models},
        "predictions": {
            model: sorted(store.each_prediction(model), key=lambda row: (row.time, row.prediction_id))
            for model in counts["predictions"]
        },
        "ground_truths": {model: histories(store, model) for model in counts["ground_truths"]},
        "runs": {job: store.list_runs(job, newest=10_000) for job in store.list_jobs()},
        "metrics": {
            (model, metric): store.metric_series(model, metric, *ALL_TIME, segment=None).to_dict("records")
            for model in counts["metric_points"]
            for metric in store.list_metrics(model)
        },
        "observations": {series: list(store.observation_history(series)) for series in store.list_series()},
        "forecasts": {series: forecasts(store, series) for series in store.list_series()},
        "documents": {
            kind: [(document.key, document.content) for document in store.list_documents(kind)]
            for kind in store.document_kinds()
        },
        "counts": counts,
    }


def forecasts(store: Store, series: str) -> list[dict[Any, Any]]:
    """Return the steps of a series; what is missing is None, since NaN is not equal to itself."""
    frame = store.forecasts(series, *ALL_TIME).astype(object)
    return frame.where(frame.notna(), None).to_dict("records")


def histories(store: Store, model: str) -> dict[str, list[GroundTruth]]:
    """Return the truths of a model by prediction id, each with all its values in order."""
    found: dict[str, list[GroundTruth]] = {}
    previous = None
    for row in store.truth_history(model):
        # The values of one id come together.
        assert row.prediction_id == previous or row.prediction_id not in found
        found.setdefault(row.prediction_id, []).append(row)
        previous = row.prediction_id
    return found


def fill(store: Store) -> None:
    """Put some of each kind of record into a store."""
    store.put_model(a_model(seed_id="model1"))
    store.put_model(a_model("churn", task="binary", headline_metric=None, title="Çhurn"))
    for number in range(3):
        store.add_version(a_version(metrics={"r2_score": 0.7 + number / 10, "matrix": [[1, 2], [3, 4]]}))
    store.add_version(a_version("churn", artifact=None, artifact_sha256=None, features=()))
    for version, previous in ((1, None), (3, 1)):
        store.change_stage("housing_price", StageChange(NOON, "promote", version, previous))
    store.change_stage("housing_price", StageChange(NOON, "roll_back", 1, 3))
    rows = [a_prediction(NOON.replace(day=1 + number), prediction_id=f"order-{number}") for number in range(20)]
    store.record_predictions("housing_price", [*rows, a_prediction(score=0.5, features={"Straße": None, "x": True})])
    store.record_predictions("unregistered", [a_prediction(value="yes", version=None, scores={"yes": 0.7, "nö": 0.2})])
    for value in (1.0, 2.0, 1.0):
        store.record_truths("housing_price", [a_truth(f"order-{number}", value, correct=True) for number in range(9)])
    store.record_truths("churn", [a_truth("without prediction", "label")])
    for slot in range(3):
        lease = store.claim_run("check", NOON.replace(hour=slot), now=NOON, lease=NOON - NOON, holder="me")
        assert lease is not None
        if slot:
            store.finish_run(lease, now=NOON, state="failed" if slot == 1 else "done", message="näh", log_tail="a\nb")
    fill_series(store)


def fill_series(store: Store) -> None:
    """Put some metrics, observations, forecasts and documents into a store."""
    points = [a_point(NOON + timedelta(hours=hour), version=hour % 2, segment="plan=ü") for hour in range(5)]
    store.put_metric_points([*points, a_point(details={"lower": 1.5, "state": "ok"})])
    for value in (1.0, 2.0, 1.0):
        minutes = range(9)
        rows = [an_observation(NOON + timedelta(minutes=minute), value, correct=True) for minute in minutes]
        store.record_observations("web/cpu", rows)
    store.record_observations("Räder/..", [an_observation()])
    store.put_forecast(a_forecast(version=None))
    store.put_forecast(a_forecast(NOON + timedelta(hours=1), hours=30))
    store.put_forecast(a_forecast(series="only forecast", model="naive"))
    store.put_document(
        "alert_rules", "drift of »rooms«", {"budget": 0.01, "columns": ["a", None]}, expected_revision=None
    )
