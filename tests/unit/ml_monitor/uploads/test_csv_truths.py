"""Ground truths as CSV over HTTP: of predictions and of series, and tables that are refused line by line."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from ml_core.clock import FixedClock
from ml_core.registry import Registry
from ml_core.settings import LimitSettings, Settings
from ml_core.store.json_store import JsonStore
from ml_monitor.app import create_app
from tests.factories import NOON, a_model, a_prediction

DAY = timedelta(days=1)


@pytest.fixture
def client(settings: Settings, json_store: JsonStore, clock: FixedClock, registry: Registry) -> FlaskClient:
    for name in ("churn", "pets"):
        registry.add_model(a_model(name))
        json_store.record_predictions(name, [a_prediction(prediction_id=f"{name}-{place}") for place in range(4)])
    limits = LimitSettings(batch_rows=5, body_bytes=2_000)
    return create_app(settings.model_copy(update={"limits": limits}), json_store, clock).test_client()


def post(client: FlaskClient, text: str | bytes, content_type: str = "text/csv") -> Any:
    return client.post("/ground-truth", data=text, content_type=content_type)


def truths(store: JsonStore, model: str) -> dict[str, Any]:
    frame = store.scored(model, NOON - DAY, NOON + DAY)
    known = frame[frame["truth"].notna()]
    return dict(zip(known["prediction_id"], known["truth"], strict=True))


def wrong_fields(response: Any, status: int = 422) -> list[str]:
    assert response.status_code == status, response.text
    return [detail["field"] for detail in response.get_json()["error"]["details"]]


def test_truths_of_several_models_are_stored_with_one_receipt(client: FlaskClient, json_store: JsonStore) -> None:
    answer = post(client, "model,prediction_id,value\nchurn,churn-0,1\npets,pets-0,cat\npets,pets-1,007\n")
    assert answer.get_json() == {"accepted": 3, "duplicates": 0, "spooled": 0, "rejected": []}
    assert truths(json_store, "churn") == {"churn-0": 1.0}
    assert truths(json_store, "pets") == {"pets-0": "cat", "pets-1": "007"}


def test_truths_of_series_are_observations(client: FlaskClient, json_store: JsonStore) -> None:
    text = "value,series,valid_time\r\n41.5,web/cpu,2026-11-20T09:00:00Z\r\n-4e1,web/cpu,2026-11-20T11:00:00+01:00\r\n"
    assert post(client, text).get_json()["accepted"] == 2
    frame = json_store.observations("web/cpu", NOON - DAY, NOON)
    assert dict(zip(frame["time"].dt.hour, frame["value"], strict=True)) == {9: 41.5, 10: -40.0}


def test_conflicts_are_listed_by_row_and_the_rest_is_stored(client: FlaskClient, json_store: JsonStore) -> None:
    post(client, "model,prediction_id,value\npets,pets-1,5\n")
    answer = post(client, "model,prediction_id,value\nchurn,churn-0,1\npets,pets-1,6\nchurn,churn-1,2\n").get_json()
    assert answer["accepted"] == 2
    assert [(each["index"], each["field"]) for each in answer["rejected"]] == [(1, "value")]
    assert truths(json_store, "churn") == {"churn-0": 1.0, "churn-1": 2.0}


def test_a_row_may_say_that_it_corrects(client: FlaskClient, json_store: JsonStore) -> None:
    post(client, "model,prediction_id,value\npets,pets-1,5\n")
    answer = post(client, "model,prediction_id,value,correct\npets,pets-1,6,True\npets,pets-2,1,\n").get_json()
    assert answer["accepted"] == 2
    assert truths(json_store, "pets") == {"pets-1": 6.0, "pets-2": 1.0}


def test_a_table_of_a_spreadsheet_is_read(client: FlaskClient, json_store: JsonStore) -> None:
    text = '\ufeffmodel,prediction_id,value\r\npets,pets-0,"a, ""b"""\r\n\r\n'
    assert post(client, text.encode(), "text/csv; charset=utf-8").get_json()["accepted"] == 1
    assert truths(json_store, "pets") == {"pets-0": 'a, "b"'}


def test_every_bad_line_is_named_and_nothing_is_stored(client: FlaskClient, json_store: JsonStore) -> None:
    text = "model,prediction_id,value,correct\npets,pets-0,1,\n,pets-1,,\npets,,1,maybe\n"
    expected = ["line 3, model", "line 3, value", "line 4, prediction_id", "line 4, correct"]
    assert wrong_fields(post(client, text)) == expected
    text = "series,valid_time,value\nweb,2026-11-20,1\nweb,2026-11-20T09:00:00Z,high\nweb,2030-01-01T00:00:00Z,1\n"
    assert wrong_fields(post(client, text)) == ["line 2, valid_time"]
    assert wrong_fields(post(client, text.replace("2026-11-20,", "2026-11-20T08:00:00Z,"))) == [
        "line 3, value",
        "line 4, valid_time",
    ]
    assert truths(json_store, "pets") == {}
    assert json_store.observations("web", NOON - DAY, NOON).empty


def test_a_line_is_counted_from_where_its_row_begins(client: FlaskClient) -> None:
    text = 'model,prediction_id,value\npets,"pets\n\n0",1\n\npets,pets-1,\n'
    assert wrong_fields(post(client, text)) == ["line 6, value"]


def test_unknown_models_are_named_by_line_and_nothing_is_stored(client: FlaskClient, json_store: JsonStore) -> None:
    text = "model,prediction_id,value\npets,pets-0,1\nbirds,a,1\n"
    assert wrong_fields(post(client, text)) == ["line 3, model"]
    assert truths(json_store, "pets") == {}


@pytest.mark.parametrize(
    ("text", "status", "fields"),
    [
        (b"", 400, []),
        (b"model,prediction_id,value\npets,\xff,1\n", 400, ["line 2"]),
        (b"model,prediction_id,value\npets,\x00,1\n", 400, ["line 2"]),
        (b'model,prediction_id,value\npets,"pets-0,1\n', 400, []),
        (b'model,prediction_id,value\npets,"a"b,1\n', 400, []),
        (b"model,prediction_id,value\n", 422, ["line 2"]),
        (b"\n\n", 422, ["line 1"]),
        (b"model,prediction_id,value\npets,pets-0\npets,pets-1,1\npets,a,b,c\n", 422, ["line 2", "line 4"]),
        (b"model,prediction_id\npets,pets-0\n", 422, ["line 1"]),
        (b"model,prediction_id,value,valid_time\npets,pets-0,1,\n", 422, ["line 1"]),
        (b"model,prediction_id,value,value\npets,pets-0,1,2\n", 422, ["line 1, column 4"]),
        (b"model,prediction_id, ,value\npets,pets-0,1,2\n", 422, ["line 1, column 3"]),
        (b"model,prediction_id,value\npets," + b"x" * 256 + b",1\n", 422, ["line 2, prediction_id"]),
        (b"model,prediction_id,value\n" + b"pets,a,1\n" * 6, 413, []),
        (b"model,prediction_id,value\n" + b"pets,a,1\n" * 300, 413, []),
    ],
    ids=lambda value: repr(value[:30]) if isinstance(value, bytes) else "",
)
def test_a_table_of_the_wrong_shape_is_refused(
    client: FlaskClient, text: bytes, status: int, fields: list[str]
) -> None:
    assert wrong_fields(post(client, text), status) == fields


@pytest.mark.parametrize("content_type", ["text/plain", "application/csv", ""])
def test_other_types_are_refused_and_json_is_taken_as_before(client: FlaskClient, content_type: str) -> None:
    assert wrong_fields(post(client, "model,prediction_id,value\npets,pets-0,1\n", content_type), 415) == []
    body = {"model": "pets", "ground_truths": [{"prediction_id": "pets-0", "value": 1}]}
    assert client.post("/ground-truth", json=body).get_json()["accepted"] == 1
    body["ground_truths"] = []
    assert wrong_fields(client.post("/ground-truth", json=body)) == ["ground_truths"]


def test_only_the_addresses_that_say_so_take_csv(client: FlaskClient) -> None:
    assert wrong_fields(client.post("/predictions", data="a\n1\n", content_type="text/csv"), 415) == []


def test_a_column_says_when_truths_became_known(client: FlaskClient, json_store: JsonStore) -> None:
    day_before = "2026-11-19T12:00:00Z"
    text = f"model,prediction_id,value,received_time\nchurn,churn-0,1,{day_before}\nchurn,churn-1,1,\n"
    assert post(client, text).get_json()["accepted"] == 2
    known = json_store.scored("churn", NOON - DAY, NOON + DAY, known_at=NOON - DAY)
    assert list(known[known["truth"].notna()]["prediction_id"]) == ["churn-0"]
    for wrong in ("noon", "2026-11-21T12:00:00Z"):
        wrong_text = f"model,prediction_id,value,received_time\nchurn,churn-2,1,{wrong}\n"
        assert wrong_fields(post(client, wrong_text)) == ["line 2, received_time"]
