from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from ml_core.clock import FixedClock, format_time
from ml_core.ids import id_time, new_id
from ml_core.registry import Registry
from ml_core.settings import LimitSettings, Settings
from ml_core.store.json_store import JsonStore
from ml_monitor.app import create_app
from tests.factories import NOON, a_model, a_version


@pytest.fixture
def client(settings: Settings, json_store: JsonStore, clock: FixedClock, registry: Registry) -> FlaskClient:
    registry.add_model(a_model("elsewhere"))
    limits = LimitSettings(batch_rows=20, features_bytes=300)
    return create_app(settings.model_copy(update={"limits": limits}), json_store, clock).test_client()


def post(client: FlaskClient, *items: dict[str, Any], model: str = "elsewhere", **more: Any) -> Any:
    return client.post("/predictions", json={"model": model, "predictions": list(items), **more})


def post_truth(client: FlaskClient, *items: dict[str, Any], model: str = "elsewhere") -> Any:
    return client.post("/ground-truth", json={"model": model, "ground_truths": list(items)})


def stored(store: JsonStore, model: str = "elsewhere") -> Any:
    return store.scored(model, NOON.replace(year=1971), NOON.replace(year=2100))


def test_a_model_served_elsewhere_is_registered_once(client: FlaskClient, registry: Registry) -> None:
    body = {"name": "churn", "title": "Customers who leave", "task": "binary", "headline_metric": "recall_score"}
    first, second = client.post("/models", json=body), client.post("/models", json={**body, "title": "Churn"})
    assert (first.status_code, first.get_json()["created"]) == (201, True)
    assert (second.status_code, second.get_json()["created"]) == (200, False)
    assert registry.find("churn").title == "Churn"
    assert client.get("/models").get_json()["data"]["churn"] == {"name": "Churn", "metrics": {}}


@pytest.mark.parametrize("name", ["", "../etc", "a/b", "a b", "-a", "x" * 65, 3, None])
def test_a_name_that_is_none_is_refused(client: FlaskClient, name: object) -> None:
    response = client.post("/models", json={"name": name, "task": "binary"})
    assert response.status_code == 422
    assert response.get_json()["error"]["details"][0]["field"] == "name"


def test_a_name_that_is_another_models_seed_id_is_a_conflict(client: FlaskClient, registry: Registry) -> None:
    registry.add_model(a_model("housing_price", seed_id="model1"))
    assert client.post("/models", json={"name": "model1", "task": "binary"}).status_code == 409


def test_masked_features_are_not_stored_and_a_repeated_post_is_a_duplicate(
    settings: Settings, json_store: JsonStore, clock: FixedClock, registry: Registry
) -> None:
    registry.add_model(a_model("elsewhere", seed_id="model9"))
    masked = settings.model_copy(update={"masked_features": ("elsewhere.income", "*.age")})
    client = create_app(masked, json_store, clock).test_client()
    row = {"prediction_id": new_id(NOON), "features": {"income": 7, "age": 30, "rooms": 2}, "value": 1}
    assert post(client, row, model="model9").get_json()["accepted"] == 1
    assert stored(json_store)["features"].to_list() == [{"income": None, "age": None, "rooms": 2}]
    assert post(client, row).get_json()["duplicates"] == 1


def test_predictions_are_stored_with_their_own_ids_and_times(client: FlaskClient, json_store: JsonStore) -> None:
    time = NOON - timedelta(hours=3)
    answer = post(client, {"prediction_id": "mine-1", "time": format_time(time), "features": {"a": 1}, "value": 2})
    assert answer.get_json() == {
        "accepted": 1,
        "duplicates": 0,
        "spooled": 0,
        "rejected": [],
        "prediction_ids": ["mine-1"],
    }
    (row,) = stored(json_store).itertuples()
    assert (row.prediction_id, row.time.to_pydatetime(), row.value) == ("mine-1", time, 2.0)


def test_without_ids_and_times_both_are_made_here(client: FlaskClient, json_store: JsonStore) -> None:
    answer = post(client, {"features": {}, "value": 1}, {"features": {}, "value": "cat", "score": 0.3}).get_json()
    first, second = answer["prediction_ids"]
    assert (first[-2:], second[-2:]) == ("-0", "-1")
    assert id_time(first) == NOON
    assert list(stored(json_store)["prediction_id"]) == [first, second]
    assert list(stored(json_store)["value"]) == [1.0, "cat"]


def test_an_id_made_here_for_a_dated_prediction_carries_its_time(client: FlaskClient) -> None:
    time = NOON - timedelta(days=20)
    answer = post(client, {"time": format_time(time), "features": {}, "value": 1}).get_json()
    assert id_time(answer["prediction_ids"][0]) == time


def test_the_time_of_a_uuid_version_7_is_taken_from_it(client: FlaskClient, json_store: JsonStore) -> None:
    made = new_id(NOON - timedelta(days=2))
    post(client, {"prediction_id": made, "features": {}, "value": 1})
    assert stored(json_store)["time"].iloc[0].to_pydatetime() == NOON - timedelta(days=2)


def test_the_version_is_the_one_named_else_the_champion(
    client: FlaskClient, json_store: JsonStore, registry: Registry
) -> None:
    post(client, {"prediction_id": new_id(NOON), "features": {}, "value": 1}, version=7)
    for _ in range(2):
        json_store.add_version(a_version("elsewhere"))
    registry.promote(registry.find("elsewhere"), 2)
    post(client, {"prediction_id": new_id(NOON), "features": {}, "value": 1})
    assert sorted(stored(json_store)["version"]) == [2, 7]
    response = post(client, {"features": {}, "value": 1}, version=9)
    assert response.status_code == 404
    assert "has no version 9" in response.get_json()["error"]["message"]


def test_posting_the_same_again_is_a_duplicate_and_another_content_is_rejected(client: FlaskClient) -> None:
    item = {"prediction_id": "mine-1", "time": format_time(NOON), "features": {"a": 1}, "value": 2}
    post(client, item)
    assert post(client, item).get_json()["duplicates"] == 1
    answer = post(client, {**item, "value": 3}, {**item, "prediction_id": "mine-2"}).get_json()
    assert answer["accepted"] == 1
    (rejection,) = answer["rejected"]
    assert (rejection["index"], rejection["field"]) == (0, "prediction_id")
    assert "2.0" in rejection["message"]
    assert "3.0" in rejection["message"]


def test_truth_is_joined_with_its_prediction_whichever_comes_first(client: FlaskClient, json_store: JsonStore) -> None:
    early, late = new_id(NOON), new_id(NOON)
    assert post_truth(client, {"prediction_id": early, "value": 5}).get_json()["accepted"] == 1
    for made in (early, late):
        post(client, {"prediction_id": made, "features": {}, "value": 1})
    post_truth(client, {"prediction_id": late, "value": 6})
    rows = stored(json_store).set_index("prediction_id")["truth"]
    assert (rows[early], rows[late]) == (5.0, 6.0)


def test_a_second_different_truth_is_rejected_unless_it_says_correct(
    client: FlaskClient, json_store: JsonStore
) -> None:
    post(client, {"prediction_id": "mine", "time": format_time(NOON), "features": {}, "value": 1})
    post_truth(client, {"prediction_id": "mine", "value": 5})
    answer = post_truth(client, {"prediction_id": "mine", "value": 6}).get_json()
    assert answer["accepted"] == 0
    assert "5.0" in answer["rejected"][0]["message"]
    assert post_truth(client, {"prediction_id": "mine", "value": 5}).get_json()["duplicates"] == 1
    assert post_truth(client, {"prediction_id": "mine", "value": 6, "correct": True}).get_json()["accepted"] == 1
    assert stored(json_store)["truth"].iloc[0] == 6.0


@pytest.mark.parametrize(
    ("item", "field"),
    [
        ({"value": 1}, "predictions[0].features"),
        ({"features": {}}, "predictions[0].value"),
        ({"features": [], "value": 1}, "predictions[0].features"),
        ({"features": {"a": [1]}, "value": 1}, "predictions[0].features.a"),
        ({"features": {}, "value": None}, "predictions[0].value"),
        ({"features": {}, "value": True}, "predictions[0].value"),
        ({"features": {}, "value": 1, "score": "0.5"}, "predictions[0].score"),
        ({"features": {}, "value": 1, "time": "yesterday"}, "predictions[0].time"),
        ({"features": {}, "value": 1, "time": "2026-11-20T12:00:00"}, "predictions[0].time"),
        ({"features": {}, "value": 1, "time": 1763640000}, "predictions[0].time"),
        ({"features": {}, "value": 1, "time": "1960-01-01T00:00:00Z"}, "predictions[0].time"),
        ({"features": {}, "value": 1, "time": "2026-11-22T12:00:00Z"}, "predictions[0].time"),
        ({"features": {}, "value": 1, "prediction_id": "mine"}, "predictions[0].time"),
        ({"features": {}, "value": 1, "prediction_id": ""}, "predictions[0].prediction_id"),
        ({"features": {}, "value": 1, "prediction_id": 5}, "predictions[0].prediction_id"),
        ({"features": {}, "value": 1, "label": 1}, "predictions[0].label"),
        ({"features": {"a": "x" * 300}, "value": 1}, "predictions[0].features"),
    ],
)
def test_a_body_with_one_wrong_field_is_refused_whole(
    client: FlaskClient, json_store: JsonStore, item: dict[str, Any], field: str
) -> None:
    response = post(client, item, {"features": {}, "value": 1})
    assert response.status_code == 422
    assert field in [detail["field"] for detail in response.get_json()["error"]["details"]]
    assert stored(json_store).empty


@pytest.mark.parametrize(
    ("item", "field"),
    [
        ({"value": 1}, "ground_truths[0].prediction_id"),
        ({"prediction_id": "a"}, "ground_truths[0].value"),
        ({"prediction_id": "a", "value": None}, "ground_truths[0].value"),
        ({"prediction_id": "a", "value": 1, "correct": 1}, "ground_truths[0].correct"),
    ],
)
def test_a_truth_with_a_wrong_field_is_refused(client: FlaskClient, item: dict[str, Any], field: str) -> None:
    response = post_truth(client, item)
    assert response.status_code == 422
    assert field in [detail["field"] for detail in response.get_json()["error"]["details"]]


def test_an_unknown_model_is_404_and_too_many_rows_are_413(client: FlaskClient) -> None:
    assert post(client, {"features": {}, "value": 1}, model="nobody").status_code == 404
    assert post_truth(client, {"prediction_id": "a", "value": 1}, model="nobody").status_code == 404
    assert post(client, *[{"features": {}, "value": 1}] * 21).status_code == 413
    assert post_truth(client, *[{"prediction_id": "a", "value": 1}] * 21).status_code == 413


def test_an_empty_list_is_refused(client: FlaskClient) -> None:
    assert post(client).status_code == 422
    assert post_truth(client).status_code == 422


def test_truth_of_the_past_says_when_it_became_known(client: FlaskClient, json_store: JsonStore) -> None:
    time, later = NOON - timedelta(days=3), NOON - timedelta(days=2)
    post(client, {"prediction_id": "order-1", "time": format_time(time), "features": {}, "value": 1})
    truth = {"prediction_id": "order-1", "value": 0, "received_time": format_time(later)}
    for accepted in (1, 0):
        assert post_truth(client, truth).get_json()["accepted"] == accepted
    observed = {"series": "web/cpu", "valid_time": format_time(time), "value": 1, "received_time": format_time(later)}
    assert post_truth(client, observed).get_json()["accepted"] == 1
    for known_at, count in ((later - timedelta(minutes=1), 0), (later, 1)):
        seen = json_store.scored("elsewhere", time, NOON, known_at=known_at)
        assert seen["truth"].notna().sum() == count
        assert len(json_store.observations("web/cpu", time, NOON, known_at=known_at)) == count


@pytest.mark.parametrize("time", ["2026-11-20T12:00:01Z", "1969-12-31T23:59:59Z", "2026-11-19", 17])
def test_truth_that_became_known_in_the_future_is_refused(client: FlaskClient, time: object) -> None:
    response = post_truth(client, {"prediction_id": "order-1", "value": 0, "received_time": time})
    assert response.status_code == 422
    assert response.get_json()["error"]["details"][0]["field"] == "ground_truths[0].received_time"


def test_a_correction_cannot_claim_to_have_been_known_earlier(client: FlaskClient) -> None:
    truth = {"prediction_id": "order-1", "value": 0, "received_time": "2026-11-19T12:00:00Z", "correct": True}
    assert post_truth(client, truth).status_code == 422
