from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest
from flask.testing import FlaskClient

from ml_core.records import Model
from ml_core.registry import Registry
from ml_core.store.json_store import JsonStore
from ml_monitor.pages import anomalies_reader
from ml_monitor.pages.anomalies_reader import outcomes_of
from tests.champions import add_champion
from tests.factories import NOON, a_prediction, a_truth
from tests.pages import HOSTILE, text_of

MINUTE = timedelta(minutes=1)


@pytest.fixture
def watched(registry: Registry) -> JsonStore:
    """An hour of a detector's predictions, every tenth an anomaly, two of them with a truth."""
    registry.add_model(Model("watch", "Watch", "anomaly", NOON))
    rows = [
        a_prediction(
            NOON - minute * MINUTE,
            prediction_id=f"p{minute}",
            value=-1.0 if minute % 10 == 0 else 1.0,
            score=-0.7 if minute % 10 == 0 else -0.4,
            features={"amount": float(minute), HOSTILE: HOSTILE},
        )
        for minute in range(1, 61)
    ]
    registry.store.record_predictions("watch", rows)
    registry.store.record_truths("watch", [a_truth("p10", -1.0), a_truth("p20", 1.0)])
    store = registry.store
    assert isinstance(store, JsonStore)
    return store


def test_without_a_detector_it_names_the_commands(client: FlaskClient) -> None:
    shown = text_of(client.get("/ui/anomalies"))
    assert "No model of the task anomaly is registered yet." in shown
    assert "python -m anomaly_api train" in shown


def test_a_detector_that_has_scored_nothing_says_how_to_ask_it(client: FlaskClient, registry: Registry) -> None:
    registry.add_model(Model("watch", "Watch", "anomaly", NOON))
    shown = text_of(client.get("/ui/anomalies"))
    assert "Watch has scored nothing in this range." in shown
    assert "curl -X POST http://localhost:8080/prediction" in shown


def test_anomalies_are_listed_with_features_and_what_they_turned_out(client: FlaskClient, watched: JsonStore) -> None:
    found = client.get("/ui/anomalies?format=json").get_json()
    assert found["verdict"] == (
        "Watch held 6 of 60 predictions to be anomalous (10.0 %), the last 10 min ago. "
        "Of 2 with a truth 1 were anomalies."
    )
    assert [row["prediction_id"] for row in found["rows"]] == ["p10", "p20", "p30", "p40", "p50", "p60"]
    assert [row["truth"] for row in found["rows"][:3]] == ["anomaly", "normal", None]
    assert found["rows"][0]["features"]["amount"] == 10.0
    page = client.get("/ui/anomalies")
    assert "<img" not in page.text
    assert 'data-target="chart-scores"' in page.text


@pytest.mark.parametrize(("outcome", "count"), [("anomaly", 6), ("normal", 54), ("all", 60)])
def test_the_filter_leaves_what_it_says(client: FlaskClient, watched: JsonStore, outcome: str, count: int) -> None:
    found = client.get(f"/ui/anomalies?format=json&outcome={outcome}").get_json()
    assert len(found["rows"]) == count
    assert len(client.get(f"/ui/anomalies?format=csv&chart=rows&outcome={outcome}").text.splitlines()) == count + 1
    assert len(client.get("/ui/anomalies?format=csv&chart=scores").text.splitlines()) == 61


def test_a_range_without_predictions_leads_on(client: FlaskClient, watched: JsonStore) -> None:
    shown = text_of(client.get("/ui/anomalies?from=2026-11-01T00:00:00Z&to=2026-11-02T00:00:00Z"))
    assert "Watch has scored nothing in this range; the newest prediction is of 20 Nov 11:59 UTC." in shown
    assert "show 30 days" in shown


def test_of_very_many_the_newest_are_read(
    client: FlaskClient, watched: JsonStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(anomalies_reader, "MOST_READ", 25)
    found = client.get("/ui/anomalies?format=json&range=1h&outcome=all").get_json()
    assert found["total"] == 60
    assert found["read"] <= 25
    assert found["rows"][0]["prediction_id"] == "p1"


def test_the_champions_threshold_is_drawn(client: FlaskClient, watched: JsonStore, registry: Registry) -> None:
    frame = pd.DataFrame({"rooms": [1.0], "value": [1.0]})
    add_champion(registry, "watch", frame, parameters={"offset": -0.55})
    assert client.get("/ui/anomalies?format=json").get_json()["threshold"] == -0.55
    assert "threshold: -0.5500" in text_of(client.get("/ui/anomalies"))


@pytest.mark.parametrize("address", ["/ui/anomalies?model=nope", "/ui/anomalies?outcome=odd"])
def test_a_wrong_argument_is_refused(client: FlaskClient, watched: JsonStore, address: str) -> None:
    assert client.get(address).status_code == 422


@pytest.mark.parametrize(
    ("values", "outcomes"),
    [
        ([-1.0, 1.0], ["anomaly", "normal"]),
        ([1.0, 1.0], ["normal", "normal"]),
        ([0.0, 1.0], ["normal", "anomaly"]),
        (["Anomaly", "fine", "-1"], ["anomaly", "normal", "anomaly"]),
        ([None, float("nan")], [None, None]),
    ],
)
def test_the_usual_ways_to_say_anomaly_are_understood(values: list[float | str | None], outcomes: list[str]) -> None:
    assert outcomes_of(values) == outcomes
