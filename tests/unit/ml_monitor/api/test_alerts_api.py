from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from ml_core.clock import FixedClock, format_time
from ml_core.registry import Registry
from ml_core.settings import Settings
from ml_core.store.json_store import JsonStore
from ml_monitor.alerting.rules import list_rules
from ml_monitor.alerting.telling import send_due
from ml_monitor.app import create_app
from tests.factories import NOON, a_model
from tests.receivers import MailServer
from tests.unit.ml_monitor.telling import MODEL, an_alert, keep, with_receivers

HOUR = timedelta(hours=1)
ANA = {"author": "Ana", "note": "looking at it"}


@pytest.fixture
def client(settings: Settings, json_store: JsonStore, clock: FixedClock, registry: Registry) -> FlaskClient:
    registry.add_model(a_model(MODEL, seed_id="model1"))
    return create_app(settings, json_store, clock).test_client()


@pytest.fixture
def firing(json_store: JsonStore) -> str:
    """The address of an alert that fires."""
    alert = an_alert()
    keep(json_store, alert)
    return f"/alerts/{alert.alert_id}"


def listed(client: FlaskClient, **query: str) -> list[tuple[str, str]]:
    found = client.get("/alerts", query_string=query).get_json()["alerts"]
    return [(alert["model"], alert["state"]) for alert in found]


def test_alerts_are_listed_by_state_and_by_model(client: FlaskClient, json_store: JsonStore, firing: str) -> None:
    keep(json_store, an_alert("g", subject="r2"), an_alert(model="*", cause="ingest", subject="spool"))
    assert listed(client) == [("*", "firing"), (MODEL, "firing"), (MODEL, "ok")]
    assert listed(client, state="ok") == [(MODEL, "ok")]
    assert listed(client, model="*") == [("*", "firing")]
    assert listed(client, model="model1", state="firing") == listed(client, model=MODEL, state="firing")
    assert client.get("/alerts?model=unknown").status_code == 404
    assert client.get("/alerts?state=loud").status_code == 422


def test_one_alert_is_shown_with_the_firing_it_is_in(client: FlaskClient, firing: str) -> None:
    alert = client.get(firing).get_json()
    assert (alert["cause"], alert["subject"], alert["rule"]) == ("performance", "mae", "default-performance")
    assert alert["episode"]["first_time"] == "2026-11-17T12:00:00Z"
    assert alert["episode"]["newest"]["value"] == 12.5
    assert [chunk["outcome"] for chunk in alert["chunks"]] == ["bad", "bad"]
    assert client.get("/alerts/none").status_code == 404


def test_an_acknowledged_alert_says_by_whom_also_in_its_history(client: FlaskClient, firing: str) -> None:
    alert = client.post(f"{firing}/acknowledgements", json=ANA).get_json()
    assert alert["state"] == "acknowledged"
    assert alert["episode"]["acknowledgement"] == {**ANA, "time": format_time(NOON)}
    assert alert["history"] == [{"time": format_time(NOON), "action": "acknowledged", **ANA}]
    assert client.get(firing).get_json() == alert


def test_what_does_not_fire_cannot_be_acknowledged(client: FlaskClient, json_store: JsonStore) -> None:
    quiet = an_alert("g")
    keep(json_store, quiet)
    response = client.post(f"/alerts/{quiet.alert_id}/acknowledgements", json=ANA)
    assert response.status_code == 409
    assert "only a firing one" in response.get_json()["error"]["message"]


def test_a_silence_ends_by_itself(client: FlaskClient, firing: str, clock: FixedClock) -> None:
    until = format_time(NOON + HOUR)
    alert = client.post(f"{firing}/silences", json={**ANA, "until_time": until}).get_json()
    assert (alert["state"], alert["silence"]["until_time"]) == ("silenced", until)
    clock.advance(HOUR)
    assert client.get(firing).get_json()["state"] == "firing"


def test_a_silence_can_be_lifted_and_lifting_none_is_no_news(client: FlaskClient, firing: str) -> None:
    client.post(f"{firing}/silences", json={**ANA, "until_time": format_time(NOON + HOUR)})
    first, second = client.delete(f"{firing}/silences"), client.delete(f"{firing}/silences")
    assert first.get_json()["state"] == "firing"
    assert [line["action"] for line in second.get_json()["history"]] == ["silenced", "silence lifted"]


@pytest.mark.parametrize(
    ("address", "body", "field"),
    [
        ("acknowledgements", {}, "author"),
        ("acknowledgements", {"author": "  "}, "author"),
        ("acknowledgements", {**ANA, "mood": "bad"}, "mood"),
        ("silences", ANA, "until_time"),
        ("silences", {**ANA, "until_time": format_time(NOON)}, "until_time"),
        ("silences", {**ANA, "until_time": "2026-11-21T00:00:00"}, "until_time"),
    ],
)
def test_a_wrong_response_is_refused_by_its_field(
    client: FlaskClient, firing: str, address: str, body: dict[str, Any], field: str
) -> None:
    response = client.post(f"{firing}/{address}", json=body)
    assert response.status_code == 422
    assert response.get_json()["error"]["details"][0]["field"] == field
    assert client.get(firing).get_json()["history"] == []


def test_a_rule_is_stored_changed_and_removed(client: FlaskClient, json_store: JsonStore) -> None:
    body = {"watches": "performance", "metrics": ["mae"], "threshold": {"upper": 9.5}, "chunk": "1000"}
    created = client.put("/alert-rules/mae-limit", json=body)
    assert created.status_code == 201
    assert created.get_json()["threshold"] == {"lower": None, "upper": 9.5}
    assert client.put("/alert-rules/mae-limit", json={**body, "severity": "critical"}).status_code == 200
    assert "mae-limit" in [rule.name for rule in list_rules(json_store)]
    assert client.delete("/alert-rules/mae-limit").get_json() == {"removed": "mae-limit"}
    assert client.delete("/alert-rules/mae-limit").status_code == 404


def test_a_stored_rule_takes_the_place_of_a_default_one(client: FlaskClient) -> None:
    def is_default() -> bool:
        rules = client.get("/alert-rules").get_json()["rules"]
        return bool({rule["name"]: rule["is_default"] for rule in rules}["default-drift"])

    assert is_default()
    assert client.put("/alert-rules/default-drift", json={"watches": "drift", "enabled": False}).status_code == 200
    assert not is_default()
    client.delete("/alert-rules/default-drift")
    assert is_default()


@pytest.mark.parametrize(
    ("name", "body", "field"),
    [
        ("mine", {}, "watches"),
        ("mine", {"watches": "drift", "threshold": {"deviations": -1}}, "threshold.deviations"),
        ("mine", {"watches": "drift", "fires_on": "4 of 3"}, "fires_on"),
        ("mine", {"watches": "drift", "name": "another"}, "name"),
        ("-mine", {"watches": "drift"}, "name"),
    ],
)
def test_a_wrong_rule_is_refused_by_its_field(client: FlaskClient, name: str, body: dict[str, Any], field: str) -> None:
    response = client.put(f"/alert-rules/{name}", json=body)
    assert response.status_code == 422
    assert field in [detail["field"] for detail in response.get_json()["error"]["details"]]


def test_channels_tell_whether_they_are_set_up_and_how_they_fare(
    settings: Settings, json_store: JsonStore, clock: FixedClock, firing: str
) -> None:
    told = with_receivers(settings, mail=MailServer())  # its port is closed
    send_due(json_store, (), told, NOON, lambda *_: {})
    mail, webhook = create_app(told, json_store, clock).test_client().get("/channels").get_json()["channels"]
    assert (mail["channel"], mail["is_set_up"], mail["state"]) == ("mail", True, "failing")
    assert mail["since_time"] == format_time(NOON)
    assert "refused" in mail["last_error"]
    assert (webhook["channel"], webhook["is_set_up"], webhook["state"]) == ("webhook", False, "unused")


def test_retrain_requests_are_listed_as_they_were_filed(client: FlaskClient, json_store: JsonStore) -> None:
    assert client.get("/retrain-requests").get_json() == {"retrain_requests": []}
    json_store.put_document("retrain_requests", "r1", {"model": MODEL, "state": "open"}, expected_revision=None)
    assert client.get("/retrain-requests").get_json()["retrain_requests"] == [
        {"request_id": "r1", "model": MODEL, "state": "open"}
    ]
