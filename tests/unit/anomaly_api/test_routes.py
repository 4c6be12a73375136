"""The prediction addresses: right answers on both roads, the shapes of the first system, and refusals that say why."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from flask.testing import FlaskClient
from flask_openapi3 import OpenAPI
from werkzeug.test import TestResponse

from anomaly_api.predictor import Predictor
from ml_core.artifacts.skops_format import load_estimator
from ml_core.registry import Registry
from ml_core.settings import AnomalySettings, AuthSettings, LimitSettings
from tests.factories import NOON
from tests.forests import sklearn_labels, sklearn_scores
from tests.processes import eventually

USUAL, ODD = [150.0, 60.0], [4e6, 3e6]


def counted(client: FlaskClient) -> dict[str, float]:
    """Return what /metrics shows of predictions."""
    lines = [line for line in client.get("/metrics").text.splitlines() if line and line[0] != "#"]
    values = {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}
    return {name: value for name, value in values.items() if "prediction" in name and "http_" not in name}


def logged(client: FlaskClient, registry: Registry) -> pd.DataFrame:
    """Return the predictions in the store, after what waits is written."""
    client.application.extensions["predictor"].close()
    return registry.store.predictions("anomaly_detector", NOON - timedelta(days=1), NOON + timedelta(days=1))


def post(client: FlaskClient, body: object, path: str = "/prediction", **more: Any) -> TestResponse:
    return client.post(path, json=body, **more)


@pytest.fixture
def estimator(registry: Registry) -> Any:
    """scikit-learn's own model."""
    version = registry.champion(registry.find("anomaly_detector"))
    assert version is not None
    return load_estimator(registry.artifact_folder(version) / "model.skops")


def test_one_row_is_answered_as_by_the_first_system(client: FlaskClient) -> None:
    answer = post(client, {"feature_vector": USUAL}).get_json()
    assert answer.keys() == {"is_inlier", "prediction_id"}
    assert answer["is_inlier"] == 1
    assert post(client, {"feature_vector": ODD, "score": False}).get_json()["is_inlier"] == -1


@pytest.mark.parametrize("road", ["fast", "whole"])
@pytest.mark.parametrize("row", [USUAL, ODD, [194, 167], [0, -0.0], [1e40, 1], [-1.7e308, 1e-320]])
def test_score_and_label_are_scikit_learns(client: FlaskClient, estimator: Any, road: str, row: list[float]) -> None:
    # A charset after the type is all right, but not what the short road looks for.
    kind = "application/json" if road == "fast" else "application/json; charset=utf-8"
    body = json.dumps({"feature_vector": row, "score": True})
    answer = client.post("/prediction", data=body, content_type=kind).get_json()
    rows = np.array([row], dtype=np.float64)
    assert answer["anomaly_score"] == sklearn_scores(estimator, rows)[0]
    assert answer["is_inlier"] == sklearn_labels(estimator, rows)[0]


def test_many_rows_are_answered_in_columns(client: FlaskClient, estimator: Any) -> None:
    rows = [USUAL, ODD, [1, 2], [1e9, 0.5]]
    answer = post(client, {"feature_vectors": rows, "score": True}, "/predictions").get_json()
    assert answer["is_inlier"] == estimator.predict(rows).tolist()
    assert answer["anomaly_score"] == estimator.score_samples(rows).tolist()
    assert len(set(answer["prediction_id"])) == 4
    without = post(client, {"feature_vectors": [USUAL]}, "/predictions").get_json()
    assert without.keys() == {"is_inlier", "prediction_id"}


def test_each_answer_is_logged_under_its_id_with_the_names_of_the_columns(
    client: FlaskClient, registry: Registry
) -> None:
    one = post(client, {"feature_vector": ODD, "score": True}).get_json()
    many = post(client, {"feature_vectors": [USUAL, ODD], "score": True}, "/predictions").get_json()
    rows = logged(client, registry).set_index("prediction_id")
    assert set(rows.index) == {one["prediction_id"], *many["prediction_id"]}
    found = rows.loc[one["prediction_id"]]
    assert (found["value"], found["score"], found["version"]) == (-1.0, one["anomaly_score"], 1)
    assert found["features"] == {"mean": ODD[0], "sd": ODD[1]}
    assert found["time"] == NOON
    assert rows.loc[many["prediction_id"], "score"].tolist() == many["anomaly_score"]


def test_a_masked_feature_is_not_stored(make_app: Callable[..., OpenAPI], registry: Registry) -> None:
    client = make_app(masked_features=("anomaly_detector.sd",)).test_client()
    post(client, {"feature_vector": USUAL})
    assert logged(client, registry)["features"].tolist() == [{"mean": 150.0, "sd": None}]


def test_synchronous_logging_stores_before_it_answers(make_app: Callable[..., OpenAPI], registry: Registry) -> None:
    client = make_app(anomaly=AnomalySettings(log_mode="sync")).test_client()
    answer = post(client, {"feature_vector": USUAL}).get_json()
    rows = registry.store.predictions("anomaly_detector", NOON - timedelta(days=1), NOON + timedelta(days=1))
    assert rows["prediction_id"].tolist() == [answer["prediction_id"]]


def test_the_model_is_described_by_the_keys_of_the_first_system(client: FlaskClient) -> None:
    assert client.get("/model_information").get_json() == {
        "bootstrap": False,
        "contamination": 0.02,
        "max_features": 1,
        "max_samples": "auto",
        "n_estimators": 100,
        "n_jobs": None,
        "random_state": 16,
        "verbose": 0,
        "warm_start": False,
    }
    assert "num_model_info_requests_total 1.0" in client.get("/metrics").text


def test_an_explanation_adds_up_and_names_the_nearest_normal_point(client: FlaskClient, trained_folder: Path) -> None:
    answer = post(client, {"feature_vector": ODD, "score": True, "explain": True}).get_json()
    found = answer["explanation"]
    assert found["contributions"].keys() == {"mean", "sd"}
    assert found["expected_depth"] + sum(found["contributions"].values()) == pytest.approx(found["depth"])
    nearest = found["nearest_normal_point"]
    assert nearest in pd.read_csv(trained_folder / "windows.csv").to_numpy().tolist()
    assert post(client, {"feature_vector": nearest}).get_json()["is_inlier"] == 1


def test_a_normal_point_of_the_sample_is_its_own_nearest(client: FlaskClient) -> None:
    first = post(client, {"feature_vector": ODD, "explain": True}).get_json()["explanation"]["nearest_normal_point"]
    again = post(client, {"feature_vector": first, "explain": True}).get_json()
    assert again["explanation"]["nearest_normal_point"] == first


# What does not fit

WRONG = [
    ("{}", ["feature_vector"], "missing"),
    ('{"feature_vector": [1]}', ["feature_vector"], "wrong_length"),
    ('{"feature_vector": [1, 2, 3]}', ["feature_vector"], "wrong_length"),
    ('{"feature_vector": []}', ["feature_vector"], "wrong_length"),
    ('{"feature_vector": [1, "2"]}', ["feature_vector", 1], "value_error"),
    ('{"feature_vector": [null, 2]}', ["feature_vector", 0], "value_error"),
    ('{"feature_vector": [true, 2]}', ["feature_vector", 0], "value_error"),
    ('{"feature_vector": [[1], 2]}', ["feature_vector", 0], "value_error"),
    ('{"feature_vector": null}', ["feature_vector"], "list_type"),
    ('{"feature_vector": "1,2"}', ["feature_vector"], "list_type"),
    ('{"feature_vector": {"mean": 1}}', ["feature_vector"], "list_type"),
    ('{"feature_vector": [1, 2], "score": null}', ["score"], "bool_type"),
    ('{"feature_vector": [1, 2], "score": "true"}', ["score"], "bool_type"),
    ('{"feature_vector": [1, 2], "score": 1}', ["score"], "bool_type"),
    ('{"feature_vector": [1, 2], "explain": 0}', ["explain"], "bool_type"),
    ('{"feature_vector": [1, 2], "scores": true}', ["scores"], "extra_forbidden"),
    ('{"feature_vector": [NaN, 2]}', [20], "json_invalid"),
    ('{"feature_vector": [Infinity, 2]}', [20], "json_invalid"),
    ('{"feature_vector": [1e400, 2]}', [20], "json_invalid"),
    ("feature_vector=1", [0], "json_invalid"),
    ('{"feature_vector": [1, 2]', [25], "json_invalid"),
    ("[1, 2]", [], "model_type"),
    ("17", [], "model_type"),
    ("", [], "missing"),
]


@pytest.mark.parametrize(("body", "location", "kind"), WRONG)
def test_a_body_that_does_not_fit_is_refused_by_field_in_both_shapes(
    client: FlaskClient, registry: Registry, body: str, location: list[object], kind: str
) -> None:
    before = counted(client)
    answer = client.post("/prediction", data=body, content_type="application/json")
    assert answer.status_code == 422
    content = answer.get_json()
    (problem,) = content["detail"]
    assert (problem["loc"], problem["type"]) == (["body", *location], kind)
    assert problem["msg"]
    assert content["error"]["details"][0]["message"] == problem["msg"]
    assert content["error"]["request_id"] == answer.headers["X-Request-ID"]
    assert counted(client) == before
    assert logged(client, registry).empty


@pytest.mark.parametrize(
    ("body", "location", "kind"),
    [
        ('{"feature_vectors": []}', ["feature_vectors"], "too_short"),
        ('{"feature_vectors": [[1, 2], [3]]}', ["feature_vectors", 1], "wrong_length"),
        ('{"feature_vectors": [[1, 2], [3, "4"]]}', ["feature_vectors", 1, 1], "value_error"),
        ('{"feature_vectors": [1, 2]}', ["feature_vectors", 0], "list_type"),
        ('{"feature_vector": [[1, 2]]}', ["feature_vectors"], "missing"),
        ('{"feature_vectors": [[1, 2]], "explain": true}', ["explain"], "extra_forbidden"),
    ],
)
def test_many_rows_are_refused_whole_if_one_does_not_fit(
    client: FlaskClient, registry: Registry, body: str, location: list[object], kind: str
) -> None:
    before = counted(client)
    answer = client.post("/predictions", data=body, content_type="application/json")
    assert answer.status_code == 422
    problem = answer.get_json()["detail"][0]
    assert (problem["loc"], problem["type"]) == (["body", *location], kind)
    assert counted(client) == before
    assert logged(client, registry).empty


def test_every_wrong_field_is_named(client: FlaskClient) -> None:
    answer = post(client, {"feature_vector": ["1", None], "score": 3})
    places = [problem["loc"] for problem in answer.get_json()["detail"]]
    assert places == [["body", "feature_vector", 0], ["body", "feature_vector", 1], ["body", "score"]]


@pytest.mark.parametrize("path", ["/prediction", "/predictions"])
def test_a_body_over_a_megabyte_is_refused(client: FlaskClient, registry: Registry, path: str) -> None:
    answer = client.post(path, data=b" " * 1_000_001, content_type="application/json")
    assert answer.status_code == 413
    assert answer.get_json()["detail"][0]["loc"] == ["body"]
    assert "at most 1000000 bytes" in answer.get_json()["error"]["message"]
    assert logged(client, registry).empty


def test_more_rows_than_the_limit_are_refused(make_app: Callable[..., OpenAPI]) -> None:
    client = make_app(limits=LimitSettings(batch_rows=2)).test_client()
    answer = post(client, {"feature_vectors": [USUAL] * 3}, "/predictions")
    assert answer.status_code == 413
    assert answer.get_json()["detail"][0]["msg"] == "3 rows came at once; at most 2 are taken"


def test_another_type_of_body_is_refused(client: FlaskClient) -> None:
    answer = client.post("/prediction", data="mean=1&sd=2")
    assert answer.status_code == 415
    assert answer.get_json()["detail"][0]["loc"] == ["body"]


def test_without_a_champion_nothing_is_predicted(make_app: Callable[..., OpenAPI], settings: Any, clock: Any) -> None:
    from anomaly_api.app import create_app
    from ml_core.store.json_store import JsonStore

    empty = JsonStore(Path(settings.run_folder) / "empty")
    app = create_app(settings, empty, clock)
    client = app.test_client()
    answer = post(client, {"feature_vector": USUAL})
    assert answer.status_code == 409
    assert "python -m anomaly_api train" in answer.get_json()["error"]["message"]
    ready = client.get("/readyz")
    assert (ready.status_code, ready.get_json()["checks"]["store"]) == (503, "ok")
    assert "anomaly_model_info{" not in client.get("/metrics").text
    app.extensions["predictor"].close()
    empty.close()


class Failing:
    """A scorer with a fault of ours."""

    def score(self, vector: Sequence[float]) -> float:
        raise RuntimeError("a fault")


def test_a_fault_of_ours_is_answered_as_everywhere_and_logged(
    client: FlaskClient, predictor: Predictor, registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    predictor._champion = replace(predictor.champion(), scorer=cast(Any, Failing()))
    answer = post(client, {"feature_vector": USUAL})
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (500, "internal_error")
    assert "a fault" not in answer.text
    assert "unhandled RuntimeError on POST /prediction" in caplog.text
    assert logged(client, registry).empty


def test_while_the_store_takes_nothing_predictions_are_refused_and_what_waits_is_told(
    client: FlaskClient, registry: Registry
) -> None:
    folder = Path(registry.artifacts_root).parent / "store" / "records" / "predictions"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "anomaly_detector").write_text("a file where a folder is to be")
    assert post(client, {"feature_vector": USUAL}).status_code == 200
    eventually(lambda: post(client, {"feature_vector": USUAL}).status_code == 503)
    answer = post(client, {"feature_vector": USUAL})
    assert answer.headers["Retry-After"]
    assert answer.get_json()["error"]["code"] == "store_unavailable"
    assert any("predictions are refused" in notice for notice in client.get("/readyz").get_json()["notices"])
    before = counted(client)
    post(client, {"feature_vector": USUAL})
    assert counted(client) == before
    (folder / "anomaly_detector").unlink()
    eventually(lambda: post(client, {"feature_vector": USUAL}).status_code == 200)


# Who may ask


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer reads"}, 403),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": "Bearer writes"}, 200),
        ({"Authorization": "bearer writes"}, 200),
        ({"Authorization": "Basic eDp3cml0ZXM="}, 200),  # x:writes, which takes the whole road
    ],
)
def test_a_token_that_writes_is_needed_where_tokens_are_set(
    make_app: Callable[..., OpenAPI], headers: dict[str, str], status: int
) -> None:
    auth = AuthSettings.model_validate({"read_tokens": ["reads"], "write_tokens": ["writes"]})
    client = make_app(auth=auth).test_client()
    assert post(client, {"feature_vector": USUAL}, headers=headers).status_code == status


@pytest.mark.parametrize(
    ("host", "status"), [("localhost:8000", 200), ("[::1]:8080", 200), ("evil.example", 400), ("127.0.0.1.nip", 400)]
)
def test_without_tokens_only_local_names_are_answered(client: FlaskClient, host: str, status: int) -> None:
    for _ in range(2):
        assert post(client, {"feature_vector": USUAL}, headers={"Host": host}).status_code == status


# Both roads give the same headers and metrics


def test_both_roads_answer_with_the_same_headers(client: FlaskClient) -> None:
    fast = post(client, {"feature_vector": USUAL}, headers={"X-Request-ID": "mine-1"})
    body = json.dumps({"feature_vector": USUAL})
    whole = client.post(
        "/prediction",
        data=body,
        content_type="application/json; charset=utf-8",
        headers={"X-Request-ID": "mine-1"},
    )
    assert dict(fast.headers) == dict(whole.headers)
    assert fast.get_json().keys() == whole.get_json().keys()


@pytest.mark.parametrize("given", ["", "no good\x7f", "x" * 65])
def test_an_answer_without_a_request_id_bears_that_of_its_prediction(client: FlaskClient, given: str) -> None:
    answer = post(client, {"feature_vector": USUAL}, headers={"X-Request-ID": given} if given else {})
    assert answer.headers["X-Request-ID"] == answer.get_json()["prediction_id"]


def test_both_roads_count_alike(client: FlaskClient) -> None:
    body = json.dumps({"feature_vector": ODD, "score": True})
    for kind in ("application/json", "application/json; charset=utf-8"):
        assert client.post("/prediction", data=body, content_type=kind).status_code == 200
    shown = counted(client)
    assert shown["num_prediction_requests_total"] == 2
    assert shown["prediction_output_distribution_sum"] == -2
    assert shown["prediction_score_distribution_count"] == 2
    assert shown["prediction_latency_distribution_count"] == 2
    assert shown['anomaly_predictions_total{outcome="anomaly"}'] == 2
    assert shown['anomaly_predictions_total{outcome="inlier"}'] == 0
    text = client.get("/metrics").text
    assert 'http_requests_total{method="POST",route="/prediction",status="200"} 2.0' in text
    assert 'http_request_duration_seconds_count{route="/prediction"} 2.0' in text


def test_a_score_that_is_not_asked_for_is_not_in_the_old_distribution(client: FlaskClient) -> None:
    post(client, {"feature_vector": USUAL})
    shown = counted(client)
    assert shown["prediction_score_distribution_count"] == 0
    assert shown["anomaly_prediction_score_count"] == 1


def test_many_rows_count_as_predictions_and_not_as_the_old_requests(client: FlaskClient, predictor: Predictor) -> None:
    answer = post(client, {"feature_vectors": [USUAL, ODD, ODD], "score": True}, "/predictions").get_json()
    shown = counted(client)
    assert shown["num_prediction_requests_total"] == 0
    assert shown['anomaly_predictions_total{outcome="inlier"}'] == 1
    assert shown['anomaly_predictions_total{outcome="anomaly"}'] == 2
    assert shown["anomaly_prediction_score_count"] == 3
    assert shown["anomaly_prediction_score_sum"] == pytest.approx(-sum(answer["anomaly_score"]))
    assert 'anomaly_model_info{model="anomaly_detector",version="1"} 1.0' in client.get("/metrics").text


@pytest.mark.parametrize("path", ["/metrics", "/metrics/"])
def test_metrics_are_found_with_and_without_a_slash(client: FlaskClient, path: str) -> None:
    assert "num_prediction_requests_total 0.0" in client.get(path).text


def test_the_api_describes_its_bodies(client: FlaskClient) -> None:
    paths = client.get("/openapi.json").get_json()["paths"]
    assert set(paths) == {"/prediction", "/predictions", "/model_information"}
    body = paths["/prediction"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["$ref"].endswith("PredictionBody")
    assert client.get("/docs").status_code == 302
