"""Who may ask for a forecast with an access key in the body, and which model answers."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr

from ml_core.clock import FixedClock
from ml_core.errors import ConfigurationError
from ml_core.registry import Registry
from ml_core.settings import AuthSettings, CmlSettings, Settings
from ml_models.app import create_app
from ml_models.cml.deployments import Deployments
from tests.factories import a_model

REQUEST = {
    "rx_gbs": [1.0] * 25,
    "tx_gbs": [1.0] * 25,
    "time": ["2024-04-26 02:00:00"],
    "link": ["A"],
    "location": ["B"],
}
NO_MODEL = {"error": "Model not found in the specified directory."}
AUTH = AuthSettings(read_tokens=(SecretStr("reader"),), write_tokens=(SecretStr("writer"),))
CML = CmlSettings(access_keys=(SecretStr("k=1=link_traffic_5min"), SecretStr("k2=link_traffic_hourly")))


@pytest.fixture
def guarded(settings: Settings, registry: Registry, clock: FixedClock) -> FlaskClient:
    """A client of an app with tokens and access keys, and no model at all."""
    return create_app(settings.model_copy(update={"auth": AUTH, "cml": CML}), registry.store, clock).test_client()


def ask(client: FlaskClient, key: object = "", **more: Any) -> Any:
    return client.post("/model", json={"accessKey": key, "request": REQUEST}, **more)


@pytest.mark.parametrize("key", ["writer", "k=1", "k2"])
def test_a_write_token_or_an_access_key_in_the_body_may_ask(guarded: FlaskClient, key: str) -> None:
    answer = ask(guarded, key)
    assert (answer.status_code, answer.get_json()) == (200, NO_MODEL)


def test_a_token_in_the_header_may_ask_whatever_key_the_body_has(guarded: FlaskClient) -> None:
    assert ask(guarded, "unknown", headers={"Authorization": "Bearer writer"}).status_code == 200


@pytest.mark.parametrize(
    ("key", "status"), [("", 401), ("unknown", 401), ("k", 401), ("link_traffic_5min", 401), ("reader", 403), (3, 401)]
)
def test_any_other_key_is_refused(guarded: FlaskClient, key: object, status: int) -> None:
    assert ask(guarded, key).status_code == status


def test_an_access_key_opens_nothing_else(guarded: FlaskClient) -> None:
    body = {"accessKey": "k2", "startTimestampMs": 0}
    for path in ("/read-metrics", "/models/link_traffic_hourly/predictions", "/model/"):
        assert guarded.post(path, json=body).status_code == 401
    assert guarded.get("/model", headers={"Authorization": "Bearer k2"}).status_code == 401
    assert guarded.post("/read-metrics", json={}, headers={"Authorization": "Bearer k2"}).status_code == 401


def test_a_body_too_long_for_somebody_unknown_is_not_read(guarded: FlaskClient) -> None:
    answer = guarded.post("/model", json={"accessKey": "writer", "request": REQUEST, "more": "a" * 300_000})
    assert answer.status_code == 401


@pytest.mark.parametrize("body", ["{", "[]", "null", '{"accessKey": NaN}'])
def test_a_body_that_is_no_object_is_refused_as_everywhere(guarded: FlaskClient, body: str) -> None:
    answer = guarded.post("/model", data=body, content_type="application/json")
    assert answer.status_code in (400, 422)
    assert answer.get_json()["error"]["message"]


def test_without_tokens_anybody_on_this_machine_may_ask(
    settings: Settings, registry: Registry, clock: FixedClock
) -> None:
    client = create_app(settings, registry.store, clock).test_client()
    assert ask(client, "whatever").get_json() == NO_MODEL
    assert client.post("/model", json={"request": REQUEST}).get_json() == NO_MODEL


def test_a_model_without_a_champion_is_not_found_either(
    settings: Settings, registry: Registry, clock: FixedClock
) -> None:
    registry.add_model(a_model("link_traffic_hourly", task="forecast"))
    assert ask(create_app(settings, registry.store, clock).test_client()).get_json() == NO_MODEL


def test_a_key_says_which_model_answers_and_any_other_means_the_usual_one(registry: Registry) -> None:
    deployments = Deployments(registry, CML)
    assert deployments.model_of_key("k=1") == "link_traffic_5min"
    assert deployments.model_of_key("k2") == "link_traffic_hourly"
    assert deployments.model_of_key("writer") == deployments.model_of_key("") == "link_traffic_hourly"
    assert Deployments(registry, CmlSettings(model="other")).model_of_key("") == "other"


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        (CmlSettings(access_keys=(SecretStr("top-secret"),)), "cml.access_keys"),
        (CmlSettings(access_keys=(SecretStr("=link_traffic_hourly"),)), "cml.access_keys"),
        (CmlSettings(deployments=("crn:a=no model",)), "cml.deployments"),
    ],
)
def test_a_setting_that_is_no_pair_stops_the_start_without_telling_it(
    registry: Registry, settings: CmlSettings, name: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Deployments(registry, settings)
    assert name in caught.value.message
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"rx_gbs": []}, "request.rx_gbs"),
        ({"rx_gbs": ["1"]}, "request.rx_gbs[0]"),
        ({"tx_gbs": [1.0] * 1001}, "request.tx_gbs"),
        ({"time": "2024-04-26 02:00:00"}, "request.time"),
        ({"time": ["yesterday"]}, "request.time[0]"),
        ({"time": [None]}, "request.time[0]"),
        ({"link": ["A", "B"]}, "request.link"),
        ({"link": [""]}, "request.link[0]"),
        ({"location": []}, "request.location"),
        ({"site": ["A"]}, "request.site"),
    ],
)
def test_a_request_that_does_not_fit_is_refused_by_name(
    guarded: FlaskClient, change: dict[str, Any], field: str
) -> None:
    answer = guarded.post("/model", json={"accessKey": "writer", "request": REQUEST | change})
    assert answer.status_code == 422
    assert [detail["field"] for detail in answer.get_json()["error"]["details"]] == [field]
