"""Training anew on the page of a model, over HTTP, on the command line and for Prometheus."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from prometheus_client import CollectorRegistry

from ml_core.clock import FixedClock
from ml_core.registry import Registry
from ml_core.retraining.__main__ import main
from ml_core.retraining.history import list_events
from ml_core.retraining.requests import read_request
from ml_core.retraining.trials import Trial, put_trial
from ml_core.settings import Settings
from ml_core.store.json_store import JsonStore
from ml_monitor.app import create_app
from ml_monitor.exporter import StoreExporter
from tests.champions import add_champion
from tests.factories import NOON, a_model
from tests.pages import send_form, text_of

MODEL = "housing_price"
PAGE = f"/ui/models/{MODEL}"


@pytest.fixture
def client(settings: Settings, json_store: JsonStore, clock: FixedClock) -> FlaskClient:
    return create_app(settings, json_store, clock).test_client()


@pytest.fixture
def twice(registry: Registry) -> Registry:
    """A model of which two versions were promoted, one after the other."""
    registry.add_model(a_model(MODEL, seed_id="model1"))
    for _ in range(2):
        add_champion(registry, MODEL, pd.DataFrame({"rooms": [3.0, 4.0], "value": [1.0, 2.0]}))
    return registry


@pytest.fixture
def on_trial(twice: Registry) -> Registry:
    """A third version in the shadow that has nearly won."""
    trial = Trial(MODEL, "shadow", 2, 3, NOON, NOON, NOON + timedelta(days=14), NOON, 40, 2.0, 1.0, 2.5, 0.0)
    put_trial(twice.store, trial)
    return twice


def champion(registry: Registry) -> int | None:
    return registry.find(MODEL).champion


def test_the_page_asks_before_it_files_a_request_and_shows_it_then(client: FlaskClient, twice: Registry) -> None:
    assert f'href="{PAGE}?confirm=retrain"' in client.get(PAGE).text
    asked = f"{PAGE}?confirm=retrain"
    assert "Nobody has asked for it yet" in text_of(client.get(PAGE))
    assert "Train housing_price anew?" in text_of(client.get(asked))
    sent = send_form(client, asked, f"{PAGE}/retrain-requests", author="ada", reason="new prices")
    assert sent.status_code == 303
    request = read_request(twice.store, MODEL)
    assert request is not None and (request.author, request.reason) == ("ada", "new prices")
    shown = client.get(sent.headers["Location"])
    assert "It is trained anew by the next run of its owner." in text_of(shown)
    assert "open asked for by ada" in text_of(shown)
    assert "confirm=retrain" not in shown.text
    again = send_form(client, asked, f"{PAGE}/retrain-requests")
    assert again.status_code == 409 and "ada has asked" in text_of(again)


def test_the_page_goes_back_a_version_and_says_who_did(client: FlaskClient, twice: Registry) -> None:
    asked = f"{PAGE}?confirm=rollback"
    assert "Go back to version 1?" in text_of(client.get(asked))
    assert send_form(client, asked, f"{PAGE}/rollbacks", author="ada", reason="odd prices").status_code == 303
    assert champion(twice) == 1
    assert "rolled back v2 back to version 1 by hand: odd prices ada" in text_of(client.get(PAGE))
    again = send_form(client, asked, f"{PAGE}/rollbacks")
    assert again.status_code == 422 and "no earlier champion" in text_of(again)


def test_a_form_without_the_token_of_a_page_does_nothing(client: FlaskClient, twice: Registry) -> None:
    for address in ("retrain-requests", "rollbacks"):
        assert client.post(f"{PAGE}/{address}", data={"author": "eve"}).status_code == 403
    assert (champion(twice), read_request(twice.store, MODEL)) == (2, None)


def test_the_page_shows_the_evidence_against_its_bound(client: FlaskClient, on_trial: Registry) -> None:
    shown = text_of(client.get(PAGE))
    assert "In the shadow v3 beside v2, until" in shown
    assert "e-value for it 12.2 of 20 that decide" in shown
    found = client.get(f"{PAGE}?format=json").get_json()["retraining"]
    assert found["trial"]["bound"] == 20.0 and found["trial"]["trial"]["pairs"] == 40


def test_a_request_that_nobody_takes_up_is_told(client: FlaskClient, twice: Registry, clock: FixedClock) -> None:
    client.post(f"/models/{MODEL}/retrain-requests", json={})
    assert "Nobody has taken up the request" not in text_of(client.get(PAGE))
    clock.advance(timedelta(hours=3))
    assert "Nobody has taken up the request" in text_of(client.get(PAGE))


def test_the_api_files_tells_and_goes_back(client: FlaskClient, on_trial: Registry) -> None:
    filed = client.post("/models/model1/retrain-requests", json={"author": "ada"})
    assert filed.status_code == 202
    assert filed.get_json()["request"]["state"] == "open"
    assert client.post("/models/model1/retrain-requests", json={}).status_code == 409
    assert client.post("/models/none/retrain-requests", json={}).status_code == 404
    assert client.post("/models/model1/retrain-requests", json={"author": 7}).status_code == 422
    assert client.post("/models/model1/rollbacks", json={"reason": "odd"}).get_json()["champion"] == 1
    found = client.get("/models/model1/retraining").get_json()
    assert (found["request"]["author"], found["trial"]["hidden"]) == ("ada", 3)
    assert [(event["what"], event["who"]) for event in found["history"]] == [("rolled_back", "somebody")]


def test_prometheus_learns_of_requests_and_trials(client: FlaskClient, on_trial: Registry, clock: FixedClock) -> None:
    client.post(f"/models/{MODEL}/retrain-requests", json={})
    samples = CollectorRegistry()
    samples.register(StoreExporter(on_trial, clock))
    assert samples.get_sample_value("ml_retrain_requests", {"state": "open"}) == 1
    assert samples.get_sample_value("ml_retrain_requests", {"state": "claimed"}) == 0
    labels = {"model": MODEL, "kind": "shadow", "version": "3"}
    assert samples.get_sample_value("ml_retraining_log_e", labels) == 2.5
    assert samples.get_sample_value("ml_retraining_pairs", labels) == 40


def test_the_command_line_asks_lists_goes_back_and_tells(
    on_trial: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ML_STORE_URL", f"json:///{tmp_path / 'store'}")

    def said(*arguments: str) -> str:
        result = CliRunner().invoke(main, list(arguments))
        assert result.exit_code == 0, result.output
        return result.output

    assert "housing_price is trained anew" in said("ask", "model1", "--author", "ada")
    listed = said("list")
    assert "housing_price: open, asked for by ada" in listed
    assert "shadow of version 3 beside 2 until 2026-12-04T12:00:00Z; e-value 12.2 in 40 pairs, 20 decides" in listed
    assert "version 1 serves again" in said("roll-back", "housing_price", "--reason", "odd")
    assert "rolled_back v2  back to version 1 by hand: odd  (somebody)" in said("history", "model1")
    assert len(list_events(on_trial.store, MODEL)) == 1
    assert CliRunner().invoke(main, ["ask", "none"]).exit_code == 1
