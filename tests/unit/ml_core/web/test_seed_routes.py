"""The two routes of the first system, to the letter."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from ml_core.registry import Registry
from ml_core.web import seed_routes
from ml_core.web.seed_routes import read_models
from tests.factories import a_model, a_version
from tests.unit.ml_core.web.conftest import MakeApp, error_of

HOUSING = {"mean_squared_error": 10119734875.65352, "mean_absolute_error": 81331.22699573744, "r2_score": 0.91645}
FRAUD = {
    "accuracy_score": 1.0,
    "confusion_matrix": [[15463, 0], [0, 226]],
    "log_loss": 2.22e-16,
    "precision_score": 1.0,
    "recall_score": 1.0,
}


@pytest.fixture
def seed_client(make_app: MakeApp, registry: Registry) -> FlaskClient:
    """A client of an app with the seed's routes, on an empty embedded store."""
    app = make_app()
    app.extensions["registry"] = registry
    app.register_api(seed_routes.create_blueprint())
    return app.test_client()


def register(registry: Registry, name: str, metrics: dict[str, Any], **changes: Any) -> None:
    """Register a model with one version, which is its champion."""
    registry.add_model(a_model(name, **changes))
    version = registry.store.add_version(a_version(name, metrics=metrics))
    registry.promote(registry.find(name), version.number)


@pytest.fixture
def both(registry: Registry) -> Registry:
    """The two models of the first system."""
    register(registry, "payment_fraud", FRAUD, seed_id="model2", title="Payment Fraud Detection")
    register(registry, "housing_price", HOUSING, seed_id="model1", title="Housing Price Prediction")
    return registry


def answer(client: FlaskClient, path: str, status: int = 200) -> dict[str, Any]:
    """Return the body, whose keys must be in the seed's order."""
    response = client.get(path)
    assert (response.status_code, response.mimetype) == (status, "application/json")
    body: dict[str, Any] = json.loads(response.data)
    assert list(body) == (["success", "message", "data"] if body["success"] else ["success", "message"])
    return body


# An empty store


def test_without_models_there_are_none_and_that_is_no_failure(seed_client: FlaskClient) -> None:
    assert answer(seed_client, "/models") == {"success": True, "message": "No models found in database", "data": {}}


# All models


@pytest.mark.usefixtures("both")
def test_models_are_shown_by_seed_id_with_title_and_metrics(seed_client: FlaskClient) -> None:
    assert answer(seed_client, "/models") == {
        "success": True,
        "message": "Data Found",
        "data": {
            "model1": {"name": "Housing Price Prediction", "metrics": HOUSING},
            "model2": {"name": "Payment Fraud Detection", "metrics": FRAUD},
        },
    }


@pytest.mark.usefixtures("both")
def test_the_answer_is_the_same_byte_for_byte_at_every_call(seed_client: FlaskClient) -> None:
    first = seed_client.get("/models").data
    assert first.startswith(b'{"success":true,"message":"Data Found","data":{"model1":{"name":"Housing')
    assert seed_client.get("/models").data == first


def test_a_model_without_a_seed_id_is_shown_by_its_name(seed_client: FlaskClient, both: Registry) -> None:
    register(both, "churn", {"r2_score": 0.5})
    assert list(answer(seed_client, "/models")["data"]) == ["churn", "model1", "model2"]


def test_a_model_without_a_champion_has_no_metrics_yet(seed_client: FlaskClient, registry: Registry) -> None:
    registry.add_model(a_model(seed_id="model1"))
    registry.store.add_version(a_version())
    assert answer(seed_client, "/models")["data"] == {"model1": {"name": "Housing Price", "metrics": {}}}
    assert answer(seed_client, "/performance-metrics?modelId=model1") == {
        "success": True,
        "message": "Data Found",
        "data": {},
    }


def test_a_version_that_is_promoted_while_the_app_runs_is_shown(seed_client: FlaskClient, both: Registry) -> None:
    answer(seed_client, "/models")
    newer = both.store.add_version(a_version(metrics={"r2_score": 0.99}))
    assert answer(seed_client, "/models")["data"]["model1"]["metrics"] == HOUSING
    both.promote(both.find("model1"), newer.number)
    assert answer(seed_client, "/models")["data"]["model1"]["metrics"] == {"r2_score": 0.99}
    both.roll_back(both.find("model1"))
    assert answer(seed_client, "/performance-metrics?modelId=model1")["data"] == HOUSING


# One model


@pytest.mark.usefixtures("both")
@pytest.mark.parametrize(("model_id", "metrics"), [("model1", HOUSING), ("model2", FRAUD), ("housing_price", HOUSING)])
def test_the_metrics_of_one_model_are_found_by_seed_id_and_by_name(
    seed_client: FlaskClient, model_id: str, metrics: dict[str, Any]
) -> None:
    assert answer(seed_client, f"/performance-metrics?modelId={model_id}") == {
        "success": True,
        "message": "Data Found",
        "data": metrics,
    }


@pytest.mark.usefixtures("both")
@pytest.mark.parametrize("model_id", ["model3", "MODEL1", "model1%20", "..%2f..", "%00", "%ff", "a" * 5000, "%3Cb%3E"])
def test_an_unknown_model_is_an_answer_and_no_error(seed_client: FlaskClient, model_id: str) -> None:
    assert answer(seed_client, f"/performance-metrics?modelId={model_id}") == {
        "success": False,
        "message": "Model not found in db",
    }


@pytest.mark.parametrize("query", ["", "?", "?modelId=", "?modelid=model1", "?model=model1"])
def test_without_a_model_id_the_request_is_wrong(seed_client: FlaskClient, query: str) -> None:
    assert answer(seed_client, f"/performance-metrics{query}", status=400) == {
        "success": False,
        "message": "modelId not in request parameters",
    }


def test_further_parameters_do_no_harm(seed_client: FlaskClient, both: Registry) -> None:
    assert answer(seed_client, "/performance-metrics?modelId=model1&modelId=model2&x=1")["success"]
    assert answer(seed_client, "/models?x=1")["success"]


@pytest.mark.parametrize("path", ["/models", "/performance-metrics"])
def test_they_are_only_read(seed_client: FlaskClient, path: str) -> None:
    response = seed_client.post(path, json={})
    assert (response.status_code, error_of(response)["code"]) == (405, "method_not_allowed")


# A store that fails


def break_documents(store: Path) -> None:
    shutil.rmtree(store / "documents")
    (store / "documents").touch()


def damage_models(store: Path) -> None:
    (store / "documents" / "models.json").write_text('{"_default": {"1": {"name": "housing')


def empty_the_models(store: Path) -> None:
    (store / "documents" / "models.json").write_text('{"_default": {"1": {"name": "housing_price"}}}')


@pytest.mark.parametrize("fail", [shutil.rmtree, break_documents, damage_models, empty_the_models])
def test_a_store_that_fails_is_an_answer_that_says_so(
    seed_client: FlaskClient, both: Registry, tmp_path: Path, fail: Any
) -> None:
    fail(tmp_path / "store")
    for path, start in (
        ("/models", "Error while getting models details: "),
        ("/performance-metrics?modelId=housing_price", "Error while getting performance metrics for housing_price: "),
    ):
        body = answer(seed_client, path)
        assert not body["success"]
        assert body["message"].startswith(start)
        assert str(tmp_path / "store" / "documents" / "models.json") in body["message"]
        assert "Traceback" not in body["message"]


def test_versions_that_cannot_be_read_are_told_too(seed_client: FlaskClient, both: Registry, tmp_path: Path) -> None:
    (tmp_path / "store" / "documents" / "model_versions.json").write_text("[]")
    for path in ("/models", "/performance-metrics?modelId=model1"):
        assert "model_versions.json is damaged" in answer(seed_client, path)["message"]


def test_the_pages_read_the_same_models_as_the_route(seed_client: FlaskClient, both: Registry) -> None:
    assert read_models(both) == answer(seed_client, "/models")["data"]
