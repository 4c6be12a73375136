"""Ground truths of series over HTTP: alone, beside those of predictions, and those that are refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from ml_core.clock import FixedClock, format_time
from ml_core.registry import Registry
from ml_core.settings import LimitSettings, Settings
from ml_core.store.json_store import JsonStore
from ml_monitor.app import create_app
from tests.factories import NOON, a_forecast, a_model, a_prediction

CPU = "cloudwatch/i-0abc/CPUUtilization"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def client(settings: Settings, json_store: JsonStore, clock: FixedClock, registry: Registry) -> FlaskClient:
    registry.add_model(a_model("elsewhere"))
    limits = LimitSettings(batch_rows=20)
    return create_app(settings.model_copy(update={"limits": limits}), json_store, clock).test_client()


def post(client: FlaskClient, *items: dict[str, Any], **more: Any) -> Any:
    return client.post("/ground-truth", json={"ground_truths": list(items), **more})


def item(hours: int = 0, value: Any = 41.5, **more: Any) -> dict[str, Any]:
    return {"series": CPU, "valid_time": format_time(NOON + hours * HOUR), "value": value, **more}


def stored(store: JsonStore, series: str = CPU) -> dict[Any, float]:
    frame = store.observations(series, NOON - 1000 * DAY, NOON + 1000 * DAY)
    return dict(zip(frame["time"].to_list(), frame["value"].to_list(), strict=True))


def test_a_truth_of_a_series_is_an_observation_received_now(client: FlaskClient, json_store: JsonStore) -> None:
    answer = post(client, item(-2), item(-1, 42))
    assert answer.get_json() == {"accepted": 2, "duplicates": 0, "spooled": 0, "rejected": []}
    assert stored(json_store) == {NOON - 2 * HOUR: 41.5, NOON - HOUR: 42.0}
    assert json_store.observations(CPU, NOON - DAY, NOON)["received_time"].to_list() == [NOON, NOON]


def test_it_is_the_truth_of_every_forecast_step_of_its_time(client: FlaskClient, json_store: JsonStore) -> None:
    for hours in (5, 3):
        json_store.put_forecast(a_forecast(NOON - hours * HOUR, hours=4, series=CPU))
    post(client, item(-2, 7))
    frame = json_store.scored_forecasts(CPU, NOON - 2 * HOUR, NOON - HOUR)
    assert frame["truth"].to_list() == [7.0, 7.0]
    assert (frame["horizon"] / HOUR).to_list() == [3.0, 1.0]


def test_a_second_different_value_is_rejected_unless_it_says_correct(
    client: FlaskClient, json_store: JsonStore
) -> None:
    post(client, item())
    answer = post(client, item(), item(value=5)).get_json()
    assert (answer["accepted"], answer["duplicates"]) == (0, 1)
    (rejection,) = answer["rejected"]
    assert (rejection["index"], rejection["field"]) == (1, "value")
    assert "41.5" in rejection["message"]
    assert post(client, item(value=5, correct=True)).get_json()["accepted"] == 1
    assert stored(json_store) == {NOON: 5.0}
    assert [row.value for row in json_store.observation_history(CPU)] == [41.5, 5.0]


def test_one_body_may_mix_both_and_the_receipt_speaks_of_its_own_order(
    client: FlaskClient, json_store: JsonStore
) -> None:
    json_store.record_predictions("elsewhere", [a_prediction(prediction_id="a")])
    post(client, item(), {"prediction_id": "a", "value": 1}, model="elsewhere")
    answer = post(
        client,
        item(-1),
        item(value=1),
        {"prediction_id": "a", "value": 2},
        item(-1, series="other"),
        {"prediction_id": "a", "value": 1},
        {"prediction_id": "b", "value": "cat"},
        item(value=2),
        model="elsewhere",
    ).get_json()
    assert (answer["accepted"], answer["duplicates"]) == (3, 1)
    assert [rejection["index"] for rejection in answer["rejected"]] == [1, 2, 6]
    assert json_store.list_series() == [CPU, "other"]
    assert json_store.scored("elsewhere", NOON, NOON + HOUR)["truth"].to_list() == [1.0]


def test_series_are_named_exactly_as_they_are_sent(client: FlaskClient, json_store: JsonStore) -> None:
    names = ["../../etc", "ä ö", "x" * 191, "%2e", "."]
    assert post(client, *[item(series=name) for name in names]).get_json()["accepted"] == 5
    assert json_store.list_series() == sorted(names)


@pytest.mark.parametrize(
    ("wrong", "fields"),
    [
        ({"value": 1}, ["ground_truths[1].prediction_id"]),
        ({"value": 1, "series": CPU}, ["ground_truths[1].valid_time"]),
        ({"value": 1, "valid_time": "2026-11-20T12:00:00Z"}, ["ground_truths[1].series"]),
        (item(prediction_id="a"), ["ground_truths[1].prediction_id", "model"]),
        ({"value": 1, "prediction_id": "a"}, ["model"]),
        (item(value="high"), ["ground_truths[1].value"]),
        (item(value=True), ["ground_truths[1].value"]),
        (item(value=None), ["ground_truths[1].value"]),
        (item(series=""), ["ground_truths[1].series"]),
        (item(series="x" * 192), ["ground_truths[1].series"]),
        (item(series="a "), ["ground_truths[1].series"]),
        (item(series="a\nb", value="high"), ["ground_truths[1].series", "ground_truths[1].value"]),
        (item(series=5), ["ground_truths[1].series"]),
        (item(valid_time="2026-11-20T12:00:00"), ["ground_truths[1].valid_time"]),
        (item(hours=25), ["ground_truths[1].valid_time"]),
        (item(valid_time="1969-12-31T23:59:59Z"), ["ground_truths[1].valid_time"]),
        (item(model="elsewhere"), ["ground_truths[1].model"]),
    ],
)
def test_a_body_with_one_wrong_item_is_refused_whole_and_the_fields_are_named(
    client: FlaskClient, json_store: JsonStore, wrong: dict[str, Any], fields: list[str]
) -> None:
    response = post(client, item(), wrong)
    assert response.status_code == 422
    assert [detail["field"] for detail in response.get_json()["error"]["details"]] == fields
    assert json_store.list_series() == []


def test_an_item_with_both_keys_is_refused_where_the_model_is_named_too(client: FlaskClient) -> None:
    response = post(client, item(prediction_id="a"), model="elsewhere")
    assert response.status_code == 422
    (detail,) = response.get_json()["error"]["details"]
    assert detail["message"] == "expected either this, or series and valid_time"


def test_a_model_that_is_named_must_exist_and_rows_are_limited_whatever_they_are(client: FlaskClient) -> None:
    assert post(client, item(), model="nobody").status_code == 404
    assert post(client, *[item(-number) for number in range(21)]).status_code == 413
