"""Every address of the engine, as old clients call it and as new ones do."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from cloudwatch_engine.app import create_app
from cloudwatch_engine.engine_parts import Engine
from cloudwatch_engine.generated import INSTANCE, GeneratedInstance, generated_queries
from cloudwatch_engine.seed_config import SeedConfig
from cloudwatch_engine.wire import uncentred
from ml_core.clock import FixedClock, format_time
from tests.factories import NOON

START = datetime(2026, 11, 10, tzinfo=UTC)


@dataclass
class Starts:
    """Takes the place of the process that works jobs off, and counts how often one was wanted."""

    count: int = field(default=0)

    def start(self) -> None:
        self.count += 1


@pytest.fixture(scope="module")
def points() -> dict[datetime, float]:
    """Two days of CPU."""
    (query, *_) = generated_queries()
    reading = GeneratedInstance(300).read([query], START, START + timedelta(days=2))
    return dict(reading.points[query.query_id])


@pytest.fixture
def client(trained: Engine, clock: FixedClock) -> Iterator[FlaskClient]:
    app = create_app(trained.settings, trained.store, clock)
    app.extensions["job_starter"] = Starts()
    yield app.test_client()
    app.extensions["worker"].close()


def as_json(points: dict[datetime, float], label: str = "CPUUtilization") -> bytes:
    result = {"Id": "cpu", "Label": label, "Timestamps": [time.isoformat() for time in points]}
    return json.dumps({"MetricDataResults": [result | {"Values": list(points.values())}]}).encode()


def as_csv(points: dict[datetime, float]) -> bytes:
    return "\n".join(["timestamp,value", *(f"{time.isoformat()},{value}" for time, value in points.items())]).encode()


def as_form(content: bytes) -> dict[str, Any]:
    return {"data": {"file": (io.BytesIO(content), "metrics.json")}, "content_type": "multipart/form-data"}


def error_of(response: Any, status: int) -> str:
    assert response.status_code == status, response.text
    return str(response.get_json()["error"]["message"])


def test_the_root_answers_with_the_apps_name(client: FlaskClient) -> None:
    assert client.get("/").text == "CloudWatch-Engine"


def test_the_newest_forecast_has_the_old_list_and_ours_beside_it(client: FlaskClient) -> None:
    answer = client.get("/predictions").get_json()
    steps = answer["steps"]
    assert answer["prediction"] == [step["value"] / 100 for step in steps]
    assert all(0 <= value <= 1 for value in answer["prediction"])
    assert len(steps) == len(answer["prediction"]) == SeedConfig().PREDICT_LEN
    for step in steps:
        assert step["lower_95"] <= step["lower_80"] <= step["value"] <= step["upper_80"] <= step["upper_95"]
    assert (answer["instance"], answer["model"], answer["version"]) == (INSTANCE, f"cpu-{INSTANCE}", 1)
    assert answer["forecaster"] == "naive"
    assert steps[0]["valid_time"] > answer["issue_time"]
    assert (answer["is_stale"], answer["stale_reason"]) == (False, None)
    assert 0 < answer["overload"]["probability_1h"] <= answer["overload"]["probability"] < 1
    assert answer["instances"] == [INSTANCE]


def test_the_last_good_forecast_stays_served_and_says_that_it_is_stale(client: FlaskClient, clock: FixedClock) -> None:
    before = client.get("/predictions").get_json()
    clock.advance(timedelta(hours=2))
    after = client.get("/predictions").get_json()
    assert after["prediction"] == before["prediction"]
    assert after["is_stale"]
    assert after["stale_reason"].startswith("issued 135 min ago, and a newer one is due every 30 min")


def test_an_instance_is_chosen_by_name_and_an_unknown_one_not_found(client: FlaskClient) -> None:
    assert client.get(f"/predictions?instance={INSTANCE}").get_json()["instance"] == INSTANCE
    for address in ("/predictions", "/compare", "/history"):
        assert "no metrics of this instance" in error_of(client.get(f"{address}?instance=i-none"), 404)


def test_before_the_first_training_it_says_to_come_back(fetched: Engine, clock: FixedClock) -> None:
    client = create_app(fetched.settings, fetched.store, clock).test_client()
    for address in ("/predictions", "/compare", "/history", f"/predictions?instance={INSTANCE}"):
        if address == "/history" or INSTANCE not in address:
            response = client.get(address)
            assert response.get_json()["error"]["code"] == "no_forecast_yet"
            assert response.headers["Retry-After"] == "10"
    assert "follows the next training" in error_of(client.get(f"/predictions?instance={INSTANCE}"), 503)
    assert "follows the next training" in error_of(client.get(f"/compare?instance={INSTANCE}"), 503)


def test_the_comparison_has_all_models_and_the_old_lists(client: FlaskClient) -> None:
    answer = client.get("/compare").get_json()
    assert [model["name"] for model in answer["models"]] == ["naive", "seasonal_naive"]
    assert [model["is_served"] for model in answer["models"]] == [True, False]
    assert all(model["scores"]["mean_absolute_error"] > 0 for model in answer["models"])
    assert len(answer["true"]) == len(answer["predict"]) == len(answer["recent"]["valid_times"]) > 100
    assert uncentred(answer["true"]) == pytest.approx(answer["recent"]["truths"])
    assert uncentred(answer["predict"]) == pytest.approx(answer["recent"]["predictions"])


def test_the_history_has_a_value_a_training_under_the_old_names(client: FlaskClient) -> None:
    for answer in (client.get("/history?model=naive").get_json(), client.post("/history?model=naive").get_json()):
        assert {len(answer[name]) for name in ("mean_absolute_error", "mean_absolute_percentage_error", "loss")} == {1}
        assert answer["mean_absolute_error"][0] > 0
        assert len(answer["trained_times"]) == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_data_set_is_forecast_whoever_sends_it_and_however(
    client: FlaskClient, method: str, points: dict[datetime, float]
) -> None:
    sent = [
        as_form(as_json(points)),
        as_form(as_csv(points)),
        {"data": as_json(points), "content_type": "application/json"},
        {"data": as_csv(points), "content_type": "text/csv"},
    ]
    answers = [client.open("/predictions?model=naive", method=method, **body).get_json() for body in sent]
    assert all(answer["models"][0].pop("seconds") >= 0 for answer in answers)
    assert all(answer == answers[0] for answer in answers)
    (answer, *_) = answers
    newest = list(points.values())[-1]
    assert answer["prediction"] == pytest.approx([newest / 100] * 6)
    assert answer["issue_time"] == format_time(max(points))
    assert (answer["forecaster"], answer["instance"]) == ("naive", "dataset")


def test_the_best_of_the_quick_models_forecasts_and_is_named(
    client: FlaskClient, points: dict[datetime, float]
) -> None:
    answer = client.post("/predictions", **as_form(as_json(points, "i-0abc AWS/EC2 CPUUtilization"))).get_json()
    assert answer["instance"] == "i-0abc"
    assert [model["name"] for model in answer["models"] if model["is_served"]] == [answer["forecaster"]]
    assert len(answer["models"]) >= 2


def test_gaps_and_what_was_put_in_order_are_told(client: FlaskClient, points: dict[datetime, float]) -> None:
    newest_first = dict(reversed([item for index, item in enumerate(points.items()) if index not in (50, 51, 90)]))
    notes = client.post("/predictions?model=naive", **as_form(as_json(newest_first))).get_json()["notes"]
    assert any("out of order" in note for note in notes)
    assert any("points are missing in" in note for note in notes)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_evaluating_gives_the_old_errors_of_scaled_values_and_ours(
    client: FlaskClient, method: str, points: dict[datetime, float]
) -> None:
    answer = client.open("/evaluate?model=naive", method=method, **as_form(as_csv(points))).get_json()
    assert answer["mae"] == pytest.approx(answer["scores"]["mean_absolute_error"] / 100)
    assert answer["mse"] == pytest.approx(answer["scores"]["mean_squared_error"] / 10_000)
    assert answer["mape"] == answer["scores"]["mean_absolute_percentage_error"]
    assert answer["model"] == "naive"


def test_several_models_are_validated_on_one_data_set(client: FlaskClient, points: dict[datetime, float]) -> None:
    answer = client.post("/validate?model=Naive,seasonal-naive", **as_form(as_json(points))).get_json()
    assert {model["name"] for model in answer["models"]} == {"naive", "seasonal_naive"}
    assert answer["best"] == answer["models"][0]["name"]
    assert len(answer["true"]) == len(answer["predict"]) == len(answer["recent"]["valid_times"])
    in_a_form = as_form(as_json(points))
    in_a_form["data"]["model"] = "naive"
    assert client.post("/validate", **in_a_form).get_json()["best"] == "naive"


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("/validate?model=gru", "model: expected one of naive"),
        ("/history?model=naive,seasonal_naive", "model: expected at most 1"),
        ("/evaluate?model=naive,seasonal_naive", "model: expected at most 1"),
    ],
)
def test_a_model_that_there_is_not_is_refused_with_those_that_there_are(
    client: FlaskClient, points: dict[datetime, float], address: str, message: str
) -> None:
    assert message in error_of(client.post(address, **as_form(as_json(points))), 422)


@pytest.mark.parametrize("address", ["/predictions", "/validate?model=naive", "/evaluate?model=naive", "/train"])
def test_what_is_no_data_set_is_refused_and_nothing_is_stored(client: FlaskClient, address: str) -> None:
    def post(**body: Any) -> Any:
        return client.post(address, **body)

    few = {START + number * timedelta(minutes=5): 1.0 for number in range(3)}
    assert "MetricDataResults" in error_of(post(json={}), 422)
    assert "not JSON" in error_of(post(data=b"{", content_type="application/json"), 400)
    assert "file is empty" in error_of(post(**as_form(b"")), 400)
    assert "file: expected" in error_of(post(data={"x": "1"}, content_type="multipart/form-data"), 422)
    assert "send CloudWatch JSON" in error_of(post(data=b"<a/>", content_type="application/xml"), 415)
    assert "CPUUtilization" in error_of(post(**as_form(as_json(few, "NetworkIn"))), 422)
    if address != "/train":
        assert "expected at least 24 points" in error_of(post(**as_form(as_json(few))), 422)
        assert "expected a data set" in error_of(post(), 400)
    assert client.get("/jobs").get_json() == {"jobs": []}


def test_a_constant_series_is_forecast_as_what_it_is(client: FlaskClient) -> None:
    flat = {START + number * timedelta(minutes=5): 0.0 for number in range(400)}
    answer = client.post("/predictions", **as_form(as_csv(flat))).get_json()
    assert answer["prediction"] == [0.0] * 6
    scores = answer["models"][0]["scores"]
    assert scores["mean_absolute_error"] == 0
    assert "mean_absolute_percentage_error" not in scores  # a share of nothing


def test_a_series_of_two_hundred_thousand_points_is_cut_and_that_is_said(client: FlaskClient) -> None:
    long = {START + number * timedelta(minutes=1): float(number % 60) for number in range(200_000)}
    answer = client.post("/predictions?model=naive", data=as_csv(long), content_type="text/csv").get_json()
    assert "of 200,000 points the newest 8,064 are used" in answer["notes"]


def test_training_answers_at_once_with_the_address_of_its_job(client: FlaskClient, trained: Engine) -> None:
    response = client.post("/train")
    assert response.status_code == 202
    answer = response.get_json()
    assert response.headers["Location"] == answer["address"] == f"/jobs/{answer['job']}"
    job = client.get(answer["address"]).get_json()
    assert (job["state"], job["instance"]) == ("queued", None)
    assert client.get("/jobs").get_json()["jobs"] == [job]
    assert client.application.extensions["job_starter"].count == 1


def test_a_data_set_to_train_on_waits_for_its_job(
    client: FlaskClient, trained: Engine, points: dict[datetime, float]
) -> None:
    answer = client.post("/train", **as_form(as_json(points))).get_json()
    assert answer["instance"] == "dataset"
    assert client.post("/train?instance=i-mine", **as_form(as_json(points))).get_json()["instance"] == "i-mine"
    assert len(list((trained.folder / "uploads").iterdir())) == 2


def test_an_unknown_instance_or_job_is_not_found(client: FlaskClient) -> None:
    assert "no metrics of this instance" in error_of(client.post("/train?instance=i-none"), 404)
    for job in ("none", "%20", "x" * 300, "01a22357-d146-797b-b6e7-0009ab405851"):
        assert "no such job" in error_of(client.get(f"/jobs/{job}"), 404)


def test_an_instance_whose_name_could_be_no_folders_is_refused(
    client: FlaskClient, points: dict[datetime, float]
) -> None:
    for name in ("", "../x", "i 1", "i" * 61):
        response = client.post("/train", query_string={"instance": name}, **as_form(as_json(points)))
        assert "instance: expected 1 to 60" in error_of(response, 422)
    assert not (client.application.extensions["engine"].folder / "uploads").exists()


def test_a_forecast_of_noon_is_issued_before_noon(client: FlaskClient) -> None:
    assert client.get("/predictions").get_json()["issue_time"] == format_time(NOON - timedelta(minutes=15))
