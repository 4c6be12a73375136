"""The results of checks over HTTP, read back from a real store."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from ml_core.clock import FixedClock, format_time
from ml_core.registry import Registry
from ml_core.settings import Settings
from ml_core.store.json_store import JsonStore
from ml_monitor.app import create_app
from ml_monitor.monitoring.estimation.estimates import CONCEPT_DRIFT_NOTE
from ml_monitor.monitoring.results import Undefined
from ml_monitor.results.results_store import Result, point_of
from tests.factories import NOON, a_model

DAY = timedelta(days=1)
MIDNIGHT = NOON.replace(hour=0)
TOPICS = ("performance", "drift", "estimates", "quality")


@pytest.fixture
def client(settings: Settings, json_store: JsonStore, clock: FixedClock, registry: Registry) -> FlaskClient:
    registry.add_model(a_model(seed_id="model1"))
    return create_app(settings, json_store, clock).test_client()


def a_result(start_time: datetime = MIDNIGHT - DAY, **changes: Any) -> Result:
    """Return the R2 of a day."""
    values: dict[str, Any] = {"chunk": "day", "group": "performance", "name": "r2", "column": "", "segment": ""}
    values |= {"start_time": start_time, "end_time": start_time + DAY, "rows": 40, "value": 0.1 + 0.2}
    return Result(**values | changes)


def drift_of(column: str, **changes: Any) -> Result:
    return a_result(group="drift", name="kolmogorov_smirnov", column=column, p_value=0.04, value=0.3, **changes)


def put(store: JsonStore, *results: Result) -> None:
    store.put_metric_points([point_of("housing_price", result) for result in results])


def get(client: FlaskClient, topic: str = "performance", **query: str) -> Any:
    return client.get(f"/models/model1/{topic}", query_string=query)


def lines_of(response: Any) -> list[dict[str, str]]:
    assert response.mimetype == "text/csv"
    return list(csv.DictReader(io.StringIO(response.text)))


def details_of(response: Any) -> list[dict[str, str]]:
    assert response.status_code == 422
    details: list[dict[str, str]] = response.get_json()["error"]["details"]
    return details


def test_a_result_comes_back_exactly_with_its_title_and_direction(client: FlaskClient, json_store: JsonStore) -> None:
    verdict = {"state": "firing", "lower": 0.5, "upper": None, "origin": "learnt from 20 chunks"}
    put(json_store, a_result(standard_error=0.01, versions=(1, 2), verdicts={"mine": verdict}, notes=("few rows",)))
    assert get(client).get_json() == {
        "model": "housing_price",
        "chunking": "day",
        "chunkings": ["day"],
        "from": "2026-10-21T12:00:00Z",
        "to": "2026-11-20T12:00:00Z",
        "notes": [],
        "chunks": [
            {
                "start_time": "2026-11-19T00:00:00Z",
                "end_time": "2026-11-20T00:00:00Z",
                "segment": "",
                "segment_by": None,
                "metrics": [
                    {
                        "name": "r2",
                        "title": "R2",
                        "direction": "higher_is_better",
                        "group": "performance",
                        "column": None,
                        "rows": 40,
                        "value": 0.1 + 0.2,
                        "undefined": None,
                        "standard_error": 0.01,
                        "p_value": None,
                        "versions": [1, 2],
                        "verdicts": {"mine": verdict},
                        "notes": ["few rows"],
                        "details": {},
                    }
                ],
            }
        ],
    }


@pytest.mark.parametrize("topic", TOPICS)
def test_without_results_the_answer_is_an_empty_list(client: FlaskClient, topic: str) -> None:
    answer = get(client, topic)
    assert answer.status_code == 200
    assert (answer.get_json()["chunks"], answer.get_json()["chunkings"]) == ([], [])
    assert lines_of(get(client, topic, format="csv")) == []


@pytest.mark.parametrize("topic", TOPICS)
def test_an_unknown_model_is_not_found(client: FlaskClient, topic: str) -> None:
    response = client.get(f"/models/nobody/{topic}")
    assert response.status_code == 404
    assert "no model 'nobody' is registered" in response.get_json()["error"]["message"]


def test_each_topic_tells_its_own_metrics_alone(client: FlaskClient, json_store: JsonStore) -> None:
    put(
        json_store,
        a_result(),
        a_result(group="labels", name="label_coverage"),
        drift_of("rooms"),
        a_result(group="estimate", name="mae"),
        a_result(group="quality", name="missing", column="rooms"),
    )
    found = {}
    for topic in TOPICS:
        (chunk,) = get(client, topic).get_json()["chunks"]
        found[topic] = [(metric["group"], metric["name"]) for metric in chunk["metrics"]]
        assert all(metric["title"] != metric["name"] and metric["direction"] for metric in chunk["metrics"])
    assert found == {
        "performance": [("labels", "label_coverage"), ("performance", "r2")],
        "drift": [("drift", "kolmogorov_smirnov")],
        "estimates": [("estimate", "mae")],
        "quality": [("quality", "missing")],
    }


def test_a_metric_that_no_catalogue_holds_is_told_by_its_name(client: FlaskClient, json_store: JsonStore) -> None:
    put(json_store, a_result(name="profit"))
    (metric,) = get(client).get_json()["chunks"][0]["metrics"]
    assert (metric["title"], metric["direction"]) == ("profit", None)


def test_an_undefined_value_is_null_with_its_reason(client: FlaskClient, json_store: JsonStore) -> None:
    put(json_store, a_result(value=Undefined("one class")))
    (metric,) = get(client).get_json()["chunks"][0]["metrics"]
    assert (metric["value"], metric["undefined"]) == (None, "one class")
    (line,) = lines_of(get(client, format="csv"))
    assert (line["value"], line["undefined"]) == ("", "one class")


def test_estimates_say_what_they_cannot_see(client: FlaskClient, json_store: JsonStore) -> None:
    assert get(client, "estimates").get_json()["notes"] == [CONCEPT_DRIFT_NOTE]
    put(json_store, a_result(group="estimate", name="mae", notes=("muted",)))
    (line,) = lines_of(get(client, "estimates", format="csv"))
    assert line["notes"] == f"muted\n{CONCEPT_DRIFT_NOTE}"


def test_chunks_come_by_time_and_start_in_the_range(client: FlaskClient, json_store: JsonStore) -> None:
    put(json_store, *(a_result(MIDNIGHT - days * DAY) for days in (3, 1, 2, 40)))
    starts = [chunk["start_time"] for chunk in get(client).get_json()["chunks"]]
    assert starts == [format_time(MIDNIGHT - days * DAY) for days in (3, 2, 1)]
    times = {"from": format_time(MIDNIGHT - 40 * DAY), "to": format_time(MIDNIGHT - 2 * DAY)}
    starts = [chunk["start_time"] for chunk in get(client, **times).get_json()["chunks"]]
    assert starts == [format_time(MIDNIGHT - days * DAY) for days in (40, 3)]


def test_segments_are_told_one_by_one_or_all(client: FlaskClient, json_store: JsonStore) -> None:
    put(json_store, *(a_result(segment=segment) for segment in ("", "country=PT", "country=ES")))
    for segment, expected in (("", [""]), ("country=PT", ["country=PT"]), ("*", ["", "country=ES", "country=PT"])):
        assert [chunk["segment"] for chunk in get(client, segment=segment).get_json()["chunks"]] == expected


def test_one_metric_and_one_column_can_be_asked_for(client: FlaskClient, json_store: JsonStore) -> None:
    put(json_store, drift_of("rooms"), drift_of("age"), a_result(group="drift", name="psi", column="age"))
    for query, expected in (
        ({"metric": "psi"}, [("psi", "age")]),
        ({"column": "rooms"}, [("kolmogorov_smirnov", "rooms")]),
        ({"column": "rooms "}, []),
        ({"metric": "psi", "column": "rooms"}, []),
    ):
        chunks = get(client, "drift", **query).get_json()["chunks"]
        assert [(each["name"], each["column"]) for chunk in chunks for each in chunk["metrics"]] == expected


def test_a_column_whose_name_is_too_long_for_a_metric_can_be_asked_for(
    client: FlaskClient, json_store: JsonStore
) -> None:
    put(json_store, drift_of("x" * 300), drift_of("x" * 299))
    (chunk,) = get(client, "drift", column="x" * 300).get_json()["chunks"]
    assert [metric["column"] for metric in chunk["metrics"]] == ["x" * 300]


def test_a_chunking_that_was_not_measured_is_refused_with_those_that_were(
    client: FlaskClient, json_store: JsonStore
) -> None:
    put(json_store, a_result(chunk="1000"), a_result(chunk="week"))
    for query in ({}, {"chunking": "500"}):
        (detail,) = details_of(get(client, **query))
        assert detail["field"] == "chunking"
        assert "known: 1000, week" in detail["message"]
        assert "python -m ml_monitor check" in detail["message"]
    assert get(client, chunking="1000").get_json()["chunkings"] == ["1000", "week"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"chunking": "fortnight"}, "chunking"),
        ({"chunking": ""}, "chunking"),
        ({"from": "yesterday"}, "from"),
        ({"to": "2026-11-20T12:00:00"}, "to"),
        ({"from": "2026-11-21T00:00:00Z"}, "to"),
        ({"from": "1900-01-01T00:00:00Z"}, "from"),
        ({"format": "xml"}, "format"),
        ({"chunkng": "day"}, "chunkng"),
        ({"metric": ""}, "metric"),
    ],
)
def test_a_wrong_query_is_refused_by_the_name_of_its_field(
    client: FlaskClient, query: dict[str, str], field: str
) -> None:
    assert [detail["field"] for detail in details_of(get(client, **query))] == [field]


def test_csv_has_one_line_a_metric_and_chunk(client: FlaskClient, json_store: JsonStore) -> None:
    verdicts = {"mine": {"state": "ok", "upper": 0.4}}
    put(json_store, drift_of("rooms", versions=(1, 2), verdicts=verdicts), drift_of("rooms", start_time=MIDNIGHT))
    response = get(client, "drift", format="csv")
    assert response.headers["Content-Disposition"] == "attachment; filename=housing_price-drift.csv"
    first, second = lines_of(response)
    assert first == {
        "start_time": "2026-11-19T00:00:00Z",
        "end_time": "2026-11-20T00:00:00Z",
        "segment": "",
        "group": "drift",
        "metric": "kolmogorov_smirnov",
        "column": "rooms",
        "rows": "40",
        "value": "0.3",
        "undefined": "",
        "standard_error": "",
        "p_value": "0.04",
        "versions": "1 2",
        "verdicts": '{"mine":{"state":"ok","upper":0.4}}',
        "notes": "",
    }
    assert second["start_time"] == "2026-11-20T00:00:00Z"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_of_text_is_run_as_a_formula(client: FlaskClient, json_store: JsonStore, start: str) -> None:
    text = f"{start}cmd()"
    put(json_store, a_result(group="drift", column=text, value=-1.5, notes=(text,)))
    put(json_store, a_result(group="drift", column=f"{text} ", value=Undefined(text)))
    first, second = lines_of(get(client, "drift", format="csv"))
    plain = f"'{text}".replace("\r", "\n")
    assert (first["column"], first["notes"], second["undefined"]) == (plain,) * 3
    assert (first["value"], second["column"]) == ("-1.5", f"{plain} ")


def test_a_carriage_return_begins_no_new_line(client: FlaskClient, json_store: JsonStore) -> None:
    put(json_store, a_result(group="drift", column="a\r=cmd()", notes=("b\r\n=cmd()",)))
    (line,) = lines_of(get(client, "drift", format="csv"))
    assert (line["column"], line["notes"]) == ("a\n=cmd()", "b\n=cmd()")


def test_no_segment_is_run_as_a_formula(client: FlaskClient, json_store: JsonStore) -> None:
    put(json_store, a_result(segment="=cmd()"))
    (line,) = lines_of(get(client, format="csv", segment="*"))
    assert line["segment"] == "'=cmd()"
