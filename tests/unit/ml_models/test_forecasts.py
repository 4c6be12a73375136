"""Forecasts of links' traffic, asked by HTTP and answered by a network in the worker."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from ml_core.clock import FixedClock, format_time
from ml_core.ids import id_time
from ml_core.registry import Registry
from ml_core.settings import LimitSettings, Settings
from ml_core.store.json_store import JsonStore
from ml_models.app import create_app
from tests.champions import add_champion
from tests.factories import NOON, a_model
from tests.networks import add_network, mean_of_window
from tests.traffic import HOUR, HOURLY, RX

pytestmark = [pytest.mark.deep, pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")]
VALUES = [5.0 + number / 10 for number in range(25)]
LOWER = [3.0 - number / 20 for number in range(25)]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry with an hourly and a five-minute network, and a model that takes features."""
    folder = tmp_path_factory.mktemp("served")
    registry = Registry(JsonStore(folder / "store"), folder / "artifacts", FixedClock(NOON))
    add_network(registry)
    add_network(registry, "link_traffic_5min", 300)
    registry.add_model(a_model("plain"))
    import pandas as pd

    add_champion(registry, "plain", pd.DataFrame({"rooms": [1.0], "value": [1.0]}))
    yield registry
    registry.store.close()


@pytest.fixture(scope="module")
def client(served: Registry) -> Iterator[FlaskClient]:
    settings = Settings(artifacts_folder=str(served.artifacts_root), limits=LimitSettings(batch_rows=5))
    app = create_app(settings, served.store, served.clock)
    yield app.test_client()
    app.extensions["worker"].close()


def a_body(**changes: Any) -> dict[str, Any]:
    window = {"link": "Verizon", "location": "US-DC4", "time": format_time(NOON), "rx_gbs": VALUES, "tx_gbs": LOWER}
    return window | changes


def a_request(**changes: Any) -> dict[str, Any]:
    fields = {"rx_gbs": VALUES, "tx_gbs": LOWER, "time": ["2024-04-26 02:00:00"], "link": ["Verizon"]}
    return {"accessKey": "", "request": fields | {"location": ["US-DC4"]} | changes}


def ask(client: FlaskClient, *windows: dict[str, Any], model: str = HOURLY) -> Any:
    return client.post(f"/models/{model}/predictions", json={"windows": list(windows)})


def fields_of(answer: Any) -> list[str]:
    assert answer.status_code == 422, answer.text
    return [detail["field"] for detail in answer.get_json()["error"]["details"]]


def test_windows_are_answered_in_their_order_with_the_values_and_times_of_each(client: FlaskClient) -> None:
    answer = ask(client, a_body(), a_body(link="Northway", location="UK-LD4", rx_gbs=LOWER)).get_json()
    assert (answer["model"], answer["version"]) == (HOURLY, 1)
    first, second = answer["forecasts"]
    assert first["rx_gbs"] == pytest.approx(mean_of_window(VALUES))
    assert first["tx_gbs"] == second["rx_gbs"] == pytest.approx(mean_of_window(LOWER))
    assert first["times"] == [format_time(NOON + hour * HOUR) for hour in range(1, 7)]
    assert first["issue_time"] == format_time(NOON)
    assert (second["link"], second["location"]) == ("Northway", "UK-LD4")
    assert first["forecast_id"] != second["forecast_id"]


def test_an_answer_is_logged_under_its_id_before_it_is_given(client: FlaskClient, served: Registry) -> None:
    (forecast,) = ask(client, a_body(time=format_time(NOON - HOUR))).get_json()["forecasts"]
    made = id_time(forecast["forecast_id"])
    assert made == NOON
    rows = served.store.predictions(HOURLY, NOON, NOON + timedelta(milliseconds=1))
    mine = rows[rows["prediction_id"].str.startswith(forecast["forecast_id"])]
    assert sorted(mine["value"]) == sorted([*forecast["rx_gbs"], *forecast["tx_gbs"]])
    steps = served.store.forecasts(RX, NOON, NOON + HOUR / 2)
    assert steps["value"].to_list() == [forecast["rx_gbs"][0]]


def test_the_five_minute_model_looks_half_an_hour_ahead(client: FlaskClient) -> None:
    (forecast,) = ask(client, a_body(), model="link_traffic_5min").get_json()["forecasts"]
    assert forecast["times"][-1] == format_time(NOON + HOUR / 2)


def test_a_script_of_the_first_system_gets_the_shape_that_it_knows(client: FlaskClient) -> None:
    answer = client.post("/model", json=a_request())
    assert answer.status_code == 200
    response = answer.get_json()["response"]
    assert list(response) == ["prediction", "uuid"]
    assert list(response["prediction"]) == ["rx_bytes", "tx_bytes", "time"]
    assert response["prediction"]["rx_bytes"] == pytest.approx(mean_of_window(VALUES))
    assert response["prediction"]["tx_bytes"] == pytest.approx(mean_of_window(LOWER))
    assert response["prediction"]["time"] == [f"2024-04-26T0{hour}:00:00" for hour in range(3, 9)]
    assert id_time(response["uuid"]) == NOON


def test_times_are_answered_with_an_offset_if_they_came_with_one(client: FlaskClient) -> None:
    answer = client.post("/model", json=a_request(time=["2024-04-26T04:00:00+02:00"]))
    assert answer.get_json()["response"]["prediction"]["time"][0] == "2024-04-26T03:00:00Z"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"rx_gbs": VALUES[1:]}, "request.rx_gbs"),
        ({"tx_gbs": [*LOWER, 1.0]}, "request.tx_gbs"),
        ({"link": ["Nobody"]}, "request.link"),
        ({"location": ["UK-LD4"]}, "request.location"),
    ],
)
def test_a_request_that_the_model_cannot_take_is_refused_by_the_name_it_has_there(
    client: FlaskClient, change: dict[str, Any], field: str
) -> None:
    answer = client.post("/model", json=a_request(**change))
    assert fields_of(answer) == [field]
    assert "windows" not in answer.text


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"rx_gbs": VALUES[1:]}, "windows[0].rx_gbs"),
        ({"rx_gbs": []}, "windows[0].rx_gbs"),
        ({"rx_gbs": [*VALUES[1:], "1"]}, "windows[0].rx_gbs[24]"),
        ({"time": "2026-11-20 12:00"}, "windows[0].time"),
        ({"link": "Nobody"}, "windows[0].link"),
        ({"more": 1}, "windows[0].more"),
    ],
)
def test_a_window_that_does_not_fit_is_refused_whole(
    client: FlaskClient, served: Registry, change: dict[str, Any], field: str
) -> None:
    before = served.store.count_records()
    assert fields_of(ask(client, a_body(**change), a_body())) == [field]
    assert served.store.count_records() == before


def test_either_windows_or_features_are_sent(client: FlaskClient) -> None:
    address = f"/models/{HOURLY}/predictions"
    assert fields_of(client.post(address, json={})) == ["features"]
    assert fields_of(client.post(address, json={"windows": []})) == ["windows"]
    assert fields_of(client.post(address, json={"windows": [a_body()], "features": {"a": 1}})) == ["features"]
    assert fields_of(ask(client, a_body(), model="plain")) == ["windows"]


def test_features_for_a_model_of_windows_are_refused(client: FlaskClient, served: Registry) -> None:
    before = served.store.count_records()
    row = {"link": "Verizon", "location": "US-DC4", "target": "rx_gbs", "step": 1, "rx_gbs": 1, "tx_gbs": 1}
    answer = client.post(f"/models/{HOURLY}/predictions", json={"features": row})
    assert answer.status_code == 422
    assert "windows" in answer.get_json()["error"]["message"]
    assert served.store.count_records() == before


def test_more_windows_than_the_limit_are_refused(client: FlaskClient) -> None:
    answer = ask(client, *[a_body()] * 6)
    assert answer.status_code == 413
    assert "at most 5" in answer.get_json()["error"]["message"]


@pytest.mark.parametrize("file", ["model.keras", "manifest.json"])
def test_a_network_whose_files_were_changed_is_not_served(
    settings: Settings, registry: Registry, clock: FixedClock, file: str
) -> None:
    version = add_network(registry)
    path: Path = registry.artifact_folder(version) / file
    path.write_bytes(path.read_bytes() + b" ")
    app = create_app(settings, registry.store, clock)
    answer = ask(app.test_client(), a_body())
    app.extensions["worker"].close()
    assert answer.status_code == 503
    assert answer.get_json()["error"]["code"] == "artifact_error"
    assert registry.store.count_records()["predictions"] == {}
