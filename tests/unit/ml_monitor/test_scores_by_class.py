"""A classifier of several classes from end to end by HTTP: reference, predictions with scores, truths, a check."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from flask.testing import FlaskClient
from sklearn.metrics import confusion_matrix, log_loss, roc_auc_score

from ml_core.clock import FixedClock, format_time
from ml_core.registry import Registry
from ml_core.settings import Settings
from ml_core.store.json_store import JsonStore
from ml_monitor.alerting.rules import DEFAULT_RULES, AlertRule, Learnt
from ml_monitor.app import create_app
from ml_monitor.check import check_models
from tests.factories import NOON

KINDS = ["large", "middling", "small"]
MIDNIGHT = NOON.replace(hour=0)


@pytest.fixture
def client(settings: Settings, json_store: JsonStore, clock: FixedClock) -> FlaskClient:
    client = create_app(settings, json_store, clock).test_client()
    assert client.post("/models", json={"name": "houses", "task": "multiclass"}).status_code == 201
    return client


def draw(rows: int, seed: int, *, wrong: bool = False) -> pd.DataFrame:
    """Return a feature, scores that are the true probabilities (or of the wrong class), value and truth."""
    generator = np.random.default_rng(seed)
    area = generator.normal(size=rows)
    raw = np.exp(np.column_stack([1.5 * area, np.zeros(rows), -1.5 * area]))
    scores = raw / raw.sum(axis=1, keepdims=True)
    truth = (scores.cumsum(axis=1) < generator.random(rows)[:, None]).sum(axis=1)
    if wrong:
        truth = (truth + 1) % 3
    columns = {f"score:{name}": scores[:, place] for place, name in enumerate(KINDS)}
    values = np.array(KINDS)
    return pd.DataFrame({"area": area, **columns, "value": values[scores.argmax(axis=1)], "truth": values[truth]})


def send_day(client: FlaskClient, day: int, frame: pd.DataFrame) -> None:
    start = MIDNIGHT - timedelta(days=3 - day)
    predictions = [
        {
            "prediction_id": f"{day}-{number}",
            "time": format_time(start + timedelta(minutes=number)),
            "features": {"area": row["area"]},
            "value": row["value"],
            "scores": {name: row[f"score:{name}"] for name in KINDS},
        }
        for number, row in enumerate(frame.to_dict("records"))
    ]
    truths = [{"prediction_id": f"{day}-{number}", "value": value} for number, value in enumerate(frame["truth"])]
    for address, name, rows in (
        ("/predictions", "predictions", predictions),
        ("/ground-truth", "ground_truths", truths),
    ):
        answer = client.post(address, json={"model": "houses", name: rows})
        assert (answer.status_code, answer.get_json()["rejected"]) == (200, [])


def metrics(client: FlaskClient, topic: str) -> dict[str, Any]:
    chunk = client.get(f"/models/houses/{topic}").get_json()["chunks"][-1]
    return {each["name"]: each for each in chunk["metrics"]}


@pytest.mark.parametrize("wrong", [False, True])
def test_scores_by_class_give_every_metric_estimates_and_verdicts(
    client: FlaskClient, settings: Settings, registry: Registry, wrong: bool
) -> None:
    reference = draw(3000, 1)
    sent = client.put("/models/houses/reference", data=reference.to_csv(index=False), content_type="text/csv")
    assert (sent.status_code, sent.get_json()["features"]) == (201, [{"name": "area", "kind": "number"}])
    days = [draw(400, 10 + day, wrong=wrong) for day in range(3)]
    for day, frame in enumerate(days):
        send_day(client, day, frame)
    rules = (*DEFAULT_RULES, AlertRule(name="auc", watches="performance", metrics=("roc_auc",), threshold=Learnt()))
    summary = check_models(registry, settings, [registry.find("houses")], rules)
    assert (summary.failed, summary.chunks) == ({}, 3)
    realised, estimated = metrics(client, "performance"), metrics(client, "estimates")
    last = days[-1]
    scores = last[[f"score:{name}" for name in KINDS]].to_numpy()
    auc = roc_auc_score(last["truth"], scores, multi_class="ovr", labels=KINDS)
    assert realised["roc_auc"]["value"] == pytest.approx(auc, abs=1e-9)
    assert realised["log_loss"]["value"] == pytest.approx(log_loss(last["truth"], scores, labels=KINDS), abs=1e-9)
    assert all(realised[name]["value"] is not None for name in ("average_precision", "brier", "ece"))
    assert realised["accuracy"]["details"] == {
        "labels": KINDS,
        "confusion_matrix": confusion_matrix(last["truth"], last["value"], labels=KINDS).tolist(),
    }
    assert realised["roc_auc"]["verdicts"]["auc"]["state"] == ("beyond" if wrong else "ok")
    # Concept drift is invisible to an estimate: it says of the wrong world what was true of the right one.
    usual = roc_auc_score(reference["truth"], reference[[f"score:{name}" for name in KINDS]], multi_class="ovr")
    assert estimated["roc_auc"]["value"] == pytest.approx(usual, abs=0.03)
    assert estimated["roc_auc"]["rows"] == 400
    alerts = client.get("/alerts?state=firing").get_json()["alerts"]
    firing = {each["subject"] for each in alerts if each["cause"] == "performance"}
    assert firing == ({"accuracy", "roc_auc by auc"} if wrong else set())


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ({"a": 0.5}, "expected the probabilities of 2 to 1000 classes by name, not 1"),
        ({}, "expected the probabilities of 2 to 1000 classes by name, not 0"),
        ({"a": 1.5, "b": 0.1}, "expected probabilities from 0 to 1"),
        ({"a": 0.9, "b": 0.9}, "expected probabilities that sum to 1"),
    ],
)
def test_scores_that_are_no_probabilities_are_refused_and_nothing_is_stored(
    client: FlaskClient, json_store: JsonStore, scores: Any, message: str
) -> None:
    rows = [{"features": {}, "value": "a"}, {"features": {}, "value": "a", "scores": scores}]
    response = client.post("/predictions", json={"model": "houses", "predictions": rows})
    (detail,) = response.get_json()["error"]["details"]
    assert (response.status_code, detail["field"]) == (422, "predictions[1].scores")
    assert message in detail["message"]
    assert json_store.last_prediction_time("houses") is None


@pytest.mark.parametrize("scores", [[0.5, 0.5], {"a": "0.5", "b": 0.5}, {"a": None, "b": 1}, 0.5])
def test_scores_of_another_shape_are_refused(client: FlaskClient, scores: Any) -> None:
    rows = [{"features": {}, "value": "a", "scores": scores}]
    response = client.post("/predictions", json={"model": "houses", "predictions": rows})
    assert response.status_code == 422
    assert response.get_json()["error"]["details"][0]["field"].startswith("predictions[0].scores")


def test_scores_by_class_of_a_model_of_another_task_are_refused(client: FlaskClient) -> None:
    client.post("/models", json={"name": "churn", "task": "binary"})
    rows = [{"features": {}, "value": 1, "scores": {"0": 0.5, "1": 0.5}}]
    response = client.post("/predictions", json={"model": "churn", "predictions": rows})
    assert "expected none for a model of task binary" in response.get_json()["error"]["details"][0]["message"]


def test_a_class_that_a_row_leaves_out_leaves_the_row_out_of_what_needs_it(
    client: FlaskClient, settings: Settings, registry: Registry
) -> None:
    frame = draw(60, 5)
    send_day(client, 1, frame)
    scores, time = {"small": 0.9, "large": 0.05}, format_time(MIDNIGHT - timedelta(hours=30))
    few = [{"prediction_id": "few", "features": {}, "value": "small", "scores": scores, "time": time}]
    truth = {"model": "houses", "ground_truths": [{"prediction_id": "few", "value": "small"}]}
    assert client.post("/ground-truth", json=truth).status_code == 200
    assert client.post("/predictions", json={"model": "houses", "predictions": few}).get_json()["accepted"] == 1
    check_models(registry, settings, [registry.find("houses")], DEFAULT_RULES)
    found = metrics(client, "performance")
    assert (found["accuracy"]["rows"], found["log_loss"]["rows"]) == (61, 60)


def test_a_reference_with_a_score_that_is_no_number_is_refused(client: FlaskClient) -> None:
    table = "value,score:a,score:b\na,0.5,0.5\na,high,0.1\n"
    response = client.put("/models/houses/reference", data=table, content_type="text/csv")
    (detail,) = response.get_json()["error"]["details"]
    assert (response.status_code, detail["field"]) == (422, "line 3, score:a")
