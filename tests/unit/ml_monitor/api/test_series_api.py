"""Rows of series and of jobs' metrics over HTTP, read back from a real store."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from ml_core.clock import FixedClock, format_time
from ml_core.records import MetricPoint, Observation
from ml_core.registry import Registry
from ml_core.settings import LimitSettings, Settings
from ml_core.store.json_store import JsonStore
from ml_monitor.app import create_app
from tests.factories import NOON, a_forecast, a_model

SERIES = "response-time/ABP/ABP/avg_response_time_ms"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def client(settings: Settings, json_store: JsonStore, clock: FixedClock, registry: Registry) -> FlaskClient:
    registry.add_model(a_model("response-time-ABP"))
    rows = [Observation(NOON - number * HOUR, 400.0 + number, NOON) for number in range(1, 25)]
    json_store.record_observations(SERIES, rows)
    json_store.record_observations("cloudwatch/i-1/CPU", rows[:1])
    for hours in (2, 1):
        forecast = a_forecast(NOON - hours * HOUR, hours=6, series=SERIES)
        json_store.put_forecast(forecast)
    changed = settings.model_copy(update={"limits": LimitSettings(batch_rows=10)})
    return create_app(changed, json_store, clock).test_client()


def get(client: FlaskClient, address: str, **query: str) -> Any:
    answer = client.get(address, query_string={name.rstrip("_"): value for name, value in query.items()})
    assert answer.status_code == 200, answer.text
    return answer.get_json() if answer.is_json else answer


def refusal(client: FlaskClient, address: str, **query: str) -> tuple[int, str]:
    answer = client.get(address, query_string={name.rstrip("_"): value for name, value in query.items()})
    return answer.status_code, answer.get_json()["error"]["message"]


def test_series_are_listed_by_the_beginning_of_their_names(client: FlaskClient) -> None:
    assert get(client, "/series")["series"] == ["cloudwatch/i-1/CPU", SERIES]
    assert get(client, "/series", prefix="response-time/")["series"] == [SERIES]


def test_observations_of_a_stretch_come_oldest_first(client: FlaskClient) -> None:
    start = format_time(NOON - 3 * HOUR)
    answer = get(client, f"/series/{SERIES}/observations", from_=start, to=format_time(NOON - HOUR))
    assert answer == {
        "series": SERIES,
        "rows": [
            {"time": format_time(NOON - hours * HOUR), "value": 400.0 + hours, "received_time": format_time(NOON)}
            for hours in (3, 2)
        ],
        "next_from": None,
    }


def test_more_rows_than_are_given_at_once_can_be_read_on(client: FlaskClient) -> None:
    found: list[str] = []
    start = format_time(NOON - 30 * DAY)
    for _ in range(3):
        answer = get(client, f"/series/{SERIES}/observations", from_=start)
        found += [row["time"] for row in answer["rows"]]
        start = answer["next_from"]
    assert start is None
    assert found == [format_time(NOON - number * HOUR) for number in range(24, 0, -1)]


def test_forecasts_come_with_their_horizon_and_the_value_that_came(client: FlaskClient) -> None:
    rows = get(client, f"/series/{SERIES}/forecasts")["rows"]
    first, second = rows[0], rows[1]
    assert (first["valid_time"], first["issue_time"]) == (format_time(NOON - HOUR), format_time(NOON - 2 * HOUR))
    assert (first["horizon_seconds"], first["truth"]) == (3600, 401.0)
    assert second["valid_time"] == format_time(NOON) and second["truth"] is None
    assert second["lower_80"] is None or second["lower_80"] <= second["value"]
    assert get(client, f"/series/{SERIES}/forecasts", model="nobody")["rows"] == []


def test_forecasts_of_one_time_are_not_torn_apart(client: FlaskClient, json_store: JsonStore) -> None:
    for number in range(12):
        issued = NOON - HOUR + number * timedelta(minutes=1)
        json_store.put_forecast(a_forecast(issued, hours=1, series="many", model=f"m{number}"))
    answer = get(client, "/series/many/forecasts")
    assert len(answer["rows"]) == 10 and answer["next_from"] == format_time(NOON + timedelta(minutes=10))


def test_a_table_is_to_be_had_as_csv(client: FlaskClient) -> None:
    answer = get(client, f"/series/{SERIES}/observations", format="csv")
    assert answer.mimetype == "text/csv" and answer.headers["X-Next-From"] == format_time(NOON - 14 * HOUR)
    lines = list(csv.DictReader(io.StringIO(answer.text)))
    assert lines[0] == {
        "time": format_time(NOON - 24 * HOUR),
        "value": "424.0",
        "received_time": format_time(NOON),
    }


def test_metric_points_of_jobs_come_with_their_segments(client: FlaskClient, json_store: JsonStore) -> None:
    points = [
        MetricPoint("response-time-ABP", name, NOON - HOUR, NOON, 1, value, value * value, segment=segment)
        for name, value, segment in (("percentile_60", 7.0, "7 Days"), ("hours_missing", 0.0, ""))
    ]
    json_store.put_metric_points(points)
    assert len(get(client, "/models/response-time-ABP/metric-points")["rows"]) == 2
    (row,) = get(client, "/models/response-time-ABP/metric-points", metric="percentile_60")["rows"]
    assert (row["mean"], row["segment"], row["count"]) == (7.0, "7 Days", 1)
    for unknown in ("percentile", "\0"):
        assert get(client, "/models/response-time-ABP/metric-points", metric=unknown)["rows"] == []


@pytest.mark.parametrize(
    ("address", "query", "status", "message"),
    [
        ("/series/nowhere/observations", {}, 404, "GET /series lists"),
        ("/models/nobody/metric-points", {}, 404, "no model 'nobody'"),
        (f"/series/{SERIES}/observations", {"from_": "yesterday"}, 422, "from"),
        (f"/series/{SERIES}/observations", {"from_": "0001-01-01T00:00:00Z"}, 422, "expected a time from 1970 on"),
        (f"/series/{SERIES}/forecasts", {"to": "1969-01-01T00:00:00Z"}, 422, "to: expected a time after from"),
        (f"/series/{SERIES}/forecasts", {"model": "\0"}, 422, "model"),
        (f"/series/{SERIES}/observations", {"unknown": "1"}, 422, "unknown"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_its_reason(
    client: FlaskClient, address: str, query: dict[str, str], status: int, message: str
) -> None:
    code, said = refusal(client, address, **query)
    assert code == status and message in said
