"""The metric calls of scripts that were written for CML, by HTTP."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from ml_core.clock import FixedClock
from ml_core.registry import Registry
from ml_core.settings import CmlSettings, LimitSettings, Settings
from ml_core.tracking.names import LAST_MS, milliseconds_of
from ml_core.traffic.log import TrafficLog
from ml_models.app import create_app
from tests.factories import NOON, a_model
from tests.traffic import HOUR, HOURLY, a_traffic_forecast

CRN = "crn:cdp:ml:us-west-1:4f2a:workspace:91c0/5d7e"
NOON_MS = milliseconds_of(NOON)
DAY_MS = 86_400_000


@pytest.fixture
def client(settings: Settings, registry: Registry, clock: FixedClock) -> FlaskClient:
    for name in (HOURLY, "churn"):
        registry.add_model(a_model(name, task="forecast", headline_metric="rmse"))
    cml = CmlSettings(deployments=(f"{CRN}={HOURLY}",))
    limits = LimitSettings(batch_rows=20, features_bytes=2000)
    return create_app(settings.model_copy(update={"cml": cml, "limits": limits}), registry.store, clock).test_client()


def track(client: FlaskClient, prediction: str, start_ms: int = NOON_MS, **changes: Any) -> Any:
    body = {
        "modelDeploymentCrn": CRN, "startTimestampMs": start_ms, "endTimestampMs": start_ms + 5,
        "predictionUuid": prediction, "metrics": {"input_rx_data": [1.5, 2], "rx bytes prediction": [3]},
    }  # fmt: skip
    return client.post("/track-metrics", json=body | changes)


def delay(client: FlaskClient, prediction: str, **metrics: Any) -> Any:
    body = {"modelDeploymentCrn": CRN, "predictionUuid": prediction, "metrics": metrics}
    return client.post("/track-delayed-metrics", json=body)


def aggregate(client: FlaskClient, start_ms: int, end_ms: int, **metrics: Any) -> Any:
    body = {"modelDeploymentCrn": CRN, "startTimestampMs": start_ms, "endTimestampMs": end_ms, "metrics": metrics}
    return client.post("/track-aggregate-metrics", json=body)


def read(client: FlaskClient, **body: Any) -> list[dict[str, Any]]:
    answer = client.post("/read-metrics", json={"modelDeploymentCrn": CRN} | body)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.get_json()["metrics"]
    return found


def test_a_prediction_tracked_by_an_id_of_the_scripts_own_is_read_back_whole(client: FlaskClient) -> None:
    prediction = str(uuid.uuid4())
    assert track(client, prediction).status_code == 200
    assert delay(client, prediction, final_rx_gbs_label=[4]).status_code == 200
    assert read(client) == [
        {
            "modelDeploymentCrn": CRN, "startTimestampMs": NOON_MS, "endTimestampMs": NOON_MS + 5,
            "predictionUuid": prediction,
            "metrics": {"input_rx_data": [1.5, 2], "rx bytes prediction": [3], "final_rx_gbs_label": [4]},
        }
    ]  # fmt: skip


def test_aggregates_are_updated_and_come_in_order_of_time_without_an_id(client: FlaskClient) -> None:
    aggregate(client, NOON_MS + 10, NOON_MS + 20, rmse=7.0)
    aggregate(client, NOON_MS, NOON_MS + 10, rmse=5.0)
    assert aggregate(client, NOON_MS, NOON_MS + 10, rmse=6.0).get_json() == {"changed": 1}
    found = read(client)
    assert [item["metrics"]["rmse"] for item in found] == [6.0, 7.0]
    assert found[0].keys() == {"modelDeploymentCrn", "startTimestampMs", "endTimestampMs", "metrics"}


def test_the_history_of_an_aggregate_is_read_if_asked_for(client: FlaskClient, clock: FixedClock) -> None:
    aggregate(client, NOON_MS, NOON_MS + 10, rmse=5.0)
    clock.advance(HOUR)
    aggregate(client, NOON_MS, NOON_MS + 10, rmse=6.0)
    (item,) = read(client, withHistory=True)
    assert item["history"] == {
        "rmse": [
            {"knownTimestampMs": NOON_MS, "value": 5.0},
            {"knownTimestampMs": NOON_MS + 3_600_000, "value": 6.0},
        ]
    }
    (then,) = read(client, knownAtTimestampMs=NOON_MS + 1)
    assert then["metrics"] == {"rmse": 5.0}
    assert read(client, knownAtTimestampMs=NOON_MS - 1) == []


def test_a_range_of_time_bounds_what_is_read_with_its_end_included(client: FlaskClient) -> None:
    for number in range(4):
        track(client, f"order-{number}", NOON_MS + number * DAY_MS)
        aggregate(client, NOON_MS + number * DAY_MS, NOON_MS + (number + 1) * DAY_MS, rmse=number)
    found = read(client, startTimestampMs=NOON_MS + DAY_MS, endTimestampMs=NOON_MS + 2 * DAY_MS)
    assert [item.get("predictionUuid", item["metrics"].get("rmse")) for item in found] == ["order-1", 1, "order-2", 2]


def test_a_deployment_is_a_setting_a_model_or_a_crn_that_ends_with_one(client: FlaskClient) -> None:
    for deployment in (CRN, HOURLY, f"crn:cdp:ml:one:two/{HOURLY}", None):
        assert track(client, "order-1", modelDeploymentCrn=deployment).status_code == 200
    assert len(read(client)) == 1
    assert track(client, "order-1", modelDeploymentCrn="churn").status_code == 200
    assert [item["modelDeploymentCrn"] for item in read(client, modelDeploymentCrn="churn")] == ["churn"]


def test_of_what_became_known_the_deployment_need_not_be_named(client: FlaskClient) -> None:
    track(client, "order-1", modelDeploymentCrn="churn")
    body = {"predictionUuid": "order-1", "metrics": {"label": 1}}
    assert client.post("/track-delayed-metrics", json=body).status_code == 200
    (item,) = read(client, modelDeploymentCrn="churn")
    assert item["metrics"]["label"] == 1


@pytest.mark.parametrize(
    "path", ["/track-metrics", "/track-delayed-metrics", "/track-aggregate-metrics", "/read-metrics"]
)
def test_an_unknown_deployment_is_404_by_name(client: FlaskClient, path: str) -> None:
    window = {} if "delayed" in path else {"startTimestampMs": 0, "endTimestampMs": 1}
    of_one = {"predictionUuid": "a"} if path in ("/track-metrics", "/track-delayed-metrics") else {}
    metrics = {} if "read" in path else {"metrics": {"a": 1}}
    for deployment in ("crn:unknown", "nobody/", "ä"):
        response = client.post(path, json={"modelDeploymentCrn": deployment} | window | of_one | metrics)
        assert response.status_code == 404
        assert [detail["field"] for detail in response.get_json()["error"]["details"]] == ["modelDeploymentCrn"]


def test_an_unknown_prediction_is_404_and_nothing_is_kept(client: FlaskClient, registry: Registry) -> None:
    for prediction in (str(uuid.uuid4()), a_traffic_forecast().forecast_id, "order-1"):
        response = delay(client, prediction, final_rx_gbs_label=[1])
        assert response.status_code == 404
        assert [detail["field"] for detail in response.get_json()["error"]["details"]] == ["predictionUuid"]
    assert registry.store.count_records()["metric_points"] == {}


def test_labels_of_a_served_forecast_are_its_ground_truth(
    client: FlaskClient, registry: Registry, clock: FixedClock
) -> None:
    forecast = a_traffic_forecast()
    TrafficLog(registry.store, clock).record(HOURLY, [forecast])
    answer = delay(client, forecast.forecast_id, final_rx_gbs_label=[1, 2, 3], final_tx_gbs_label=[4])
    assert answer.get_json() == {"predictionUuid": forecast.forecast_id, "groundTruths": 4}
    scored = registry.store.scored(HOURLY, NOON, NOON + HOUR).dropna(subset=["truth"])
    assert sorted(scored["truth"]) == [1, 2, 3, 4]
    too_many = delay(client, forecast.forecast_id, final_rx_gbs_label=[1.0] * 7)
    assert too_many.status_code == 422
    assert too_many.get_json()["error"]["details"][0]["field"] == "metrics.final_rx_gbs_label"
    assert read(client)[0]["metrics"]["final_rx_gbs_label"] == [1, 2, 3]


Refused = tuple[str, dict[str, Any], str]
WINDOW = {"startTimestampMs": 5, "endTimestampMs": 6}
REFUSED: list[Refused] = [
    ("/track-metrics", {"metrics": {"a": 1}, **WINDOW}, "predictionUuid"),
    ("/track-metrics", {"predictionUuid": "", "metrics": {"a": 1}, **WINDOW}, "predictionUuid"),
    ("/track-metrics", {"predictionUuid": " a", "metrics": {"a": 1}, **WINDOW}, "predictionUuid"),
    ("/track-metrics", {"predictionUuid": "a", "metrics": {}, **WINDOW}, "metrics"),
    ("/track-metrics", {"predictionUuid": "a", "metrics": [], **WINDOW}, "metrics"),
    ("/track-metrics", {"predictionUuid": "a", "metrics": {"a\n": 1}, **WINDOW}, "metrics"),
    ("/track-metrics", {"predictionUuid": "a", "metrics": {"a" * 65: 1}, **WINDOW}, "metrics"),
    ("/track-metrics", {"predictionUuid": "a", "metrics": {f"a{n}": 1 for n in range(101)}, **WINDOW}, "metrics"),
    ("/track-metrics", {"predictionUuid": "a", "metrics": {"a": 1}, "startTimestampMs": 5}, "endTimestampMs"),
    ("/track-metrics", {"predictionUuid": "a", "metrics": {"a": 1}, **WINDOW, "crn": 1}, "crn"),
    ("/track-delayed-metrics", {"metrics": {"a": 1}}, "predictionUuid"),
    ("/track-delayed-metrics", {"predictionUuid": "a"}, "metrics"),
    ("/track-aggregate-metrics", {"metrics": {"a/b": 1}, **WINDOW}, "metrics"),
    ("/track-aggregate-metrics", {"metrics": {"a": 1}, "startTimestampMs": 7, "endTimestampMs": 6}, "endTimestampMs"),
    (
        "/track-aggregate-metrics",
        {"metrics": {"a": 1}, "startTimestampMs": -1, "endTimestampMs": 6},
        "startTimestampMs",
    ),
    (
        "/track-aggregate-metrics",
        {"metrics": {"a": 1}, "startTimestampMs": 1.5, "endTimestampMs": 6},
        "startTimestampMs",
    ),
    (
        "/track-aggregate-metrics",
        {"metrics": {"a": 1}, "startTimestampMs": "1", "endTimestampMs": 6},
        "startTimestampMs",
    ),
    ("/read-metrics", {"endTimestampMs": LAST_MS + 1}, "endTimestampMs"),
    ("/read-metrics", {"withHistory": 1}, "withHistory"),
]


@pytest.mark.parametrize(("path", "body", "field"), REFUSED)
def test_what_does_not_fit_is_refused_by_name_with_nothing_stored(
    client: FlaskClient, registry: Registry, path: str, body: dict[str, Any], field: str
) -> None:
    response = client.post(path, json=body)
    assert response.status_code == 422
    assert [detail["field"] for detail in response.get_json()["error"]["details"]] == [field]
    assert registry.store.count_records()["metric_points"] == {}


@pytest.mark.parametrize("call", [track, lambda client, name, **more: aggregate(client, 0, 1, **more["metrics"])])
def test_metrics_of_too_many_bytes_are_refused(client: FlaskClient, call: Callable[..., Any]) -> None:
    response = call(client, "order-1", metrics={"text": "a" * 2000})
    assert response.status_code == 413
    assert response.get_json()["error"]["details"][0]["field"] == "metrics"


def test_more_records_than_the_limit_ask_for_a_shorter_range(client: FlaskClient) -> None:
    for number in range(21):
        track(client, f"order-{number}", NOON_MS + number)
    response = client.post("/read-metrics", json={"modelDeploymentCrn": CRN})
    assert response.status_code == 422
    assert "at most 20 records; this one has 21" in response.get_json()["error"]["message"]
    assert len(read(client, startTimestampMs=NOON_MS + 1)) == 20


def test_the_farthest_times_are_taken(client: FlaskClient) -> None:
    for start_ms in (0, LAST_MS - 5):
        assert track(client, f"at-{start_ms}", start_ms).status_code == 200
    assert aggregate(client, 0, LAST_MS, rmse=1).status_code == 200
    assert aggregate(client, LAST_MS, LAST_MS, rmse=1).status_code == 200
    assert len(read(client)) == 4


def test_what_was_tracked_is_told_apart_from_what_checks_measure(client: FlaskClient, registry: Registry) -> None:
    aggregate(client, NOON_MS, NOON_MS + 10, rmse=5.0)
    track(client, "order-1")
    assert registry.store.list_metrics(HOURLY) == ["tracked/rmse"]
    (point,) = registry.store.metric_points(HOURLY, ["tracked/"], NOON, NOON + timedelta(days=1))
    assert isinstance(point.start_time, datetime)
    assert point.total == 5.0
