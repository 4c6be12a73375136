"""Observations, metric points and documents of the embedded store: several stores on one folder, and damage."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from pathlib import Path

import pytest

from ml_core.errors import StoreUnavailable
from ml_core.records import Receipt
from ml_core.store.json_store import JsonStore
from tests.factories import NOON, a_point, an_observation

CPU = "cloudwatch/i-0abc/CPUUtilization"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def other(json_store: JsonStore) -> JsonStore:
    """The same folder, opened once more, as another process has it."""
    return JsonStore(json_store.folder)


def segment(store: JsonStore, kind: str, name: str) -> Path:
    return store.folder / "records" / kind / name / "2026-11-20.jsonl"


def values_of(store: JsonStore) -> list[float]:
    values: list[float] = store.observations(CPU, NOON, NOON + DAY)["value"].to_list()
    return values


# Observations


def test_what_another_process_has_recorded_is_known_at_once(json_store: JsonStore, other: JsonStore) -> None:
    for number in range(5):
        writer, judge = (json_store, other) if number % 2 else (other, json_store)
        row = an_observation(NOON + number * HOUR, float(number))
        assert writer.record_observations(CPU, [row]) == Receipt(accepted=1)
        assert judge.record_observations(CPU, [row]) == Receipt(duplicates=1)
    json_store.record_observations(CPU, [an_observation(NOON, 9.0, correct=True)])
    assert other.record_observations(CPU, [an_observation(NOON, 9.0)]) == Receipt(duplicates=1)


def test_what_another_process_has_forgotten_may_be_recorded_again(json_store: JsonStore, other: JsonStore) -> None:
    json_store.record_observations(CPU, [an_observation(NOON, 1.0)])
    assert other.drop_before(NOON + DAY, ["observations"]) == {"observations": 1}
    assert json_store.record_observations(CPU, [an_observation(NOON, 2.0)]) == Receipt(accepted=1)
    assert values_of(other) == [2.0]


def test_a_series_of_hundreds_of_days_is_still_judged_by_what_is_stored(json_store: JsonStore) -> None:
    rows = [an_observation(NOON + number * DAY) for number in range(150)]
    assert json_store.record_observations(CPU, rows) == Receipt(accepted=150)
    assert json_store.record_observations(CPU, rows) == Receipt(duplicates=150)


def test_a_damaged_observation_is_passed_over_and_logged_and_the_rest_is_read(
    json_store: JsonStore, caplog: pytest.LogCaptureFixture
) -> None:
    json_store.record_observations(CPU, [an_observation(NOON + number * HOUR, float(number)) for number in range(3)])
    path = segment(json_store, "observations", "cloudwatch%2Fi-0abc%2FCPUUtilization")
    path.write_bytes(path.read_bytes().replace(b'"value":1.0', b'"value":7.0'))
    with caplog.at_level(logging.WARNING):
        assert values_of(json_store) == [0.0, 2.0]
    assert f"{path}: line 2 after byte 0 is damaged" in caplog.text


# Metric points


def test_metrics_that_another_process_adds_or_forgets_are_listed_so(json_store: JsonStore, other: JsonStore) -> None:
    for number, name in enumerate(("a", "b", "c")):
        json_store.put_metric_points([a_point(NOON + number * HOUR, metric=name), a_point(NOON + DAY, metric="a")])
        assert other.list_metrics("housing_price") == ["a", "b", "c"][: number + 1]
    json_store.drop_before(NOON + DAY, ["metric_points"])
    assert other.list_metrics("housing_price") == ["a"]


def test_a_line_of_a_metric_point_can_be_read_by_anybody(json_store: JsonStore) -> None:
    json_store.put_metric_points([a_point(details={"verdict": "ok"})])
    line = json.loads(segment(json_store, "metric_points", "housing_price").read_text())
    assert (line["start_time"], line["end_time"]) == ("2026-11-20T12:00:00Z", "2026-11-20T13:00:00Z")
    assert (line["metric"], line["total"], line["details"]) == ("mean_absolute_error", 6.0, {"verdict": "ok"})


# Documents


def test_documents_lie_in_a_file_for_each_kind(json_store: JsonStore, other: JsonStore) -> None:
    json_store.put_document("alert", "a", {"state": "ok"}, expected_revision=None)
    other.put_document("alert", "a", {"state": "firing"}, expected_revision=1)
    file = json.loads((json_store.folder / "documents" / "alert.json").read_text())
    assert list(file["_default"].values()) == [{"key": "a", "revision": 2, "content": {"state": "firing"}}]
    document = json_store.get_document("alert", "a")
    assert document is not None
    assert document.revision == 2


@pytest.mark.parametrize(
    "row",
    [
        {"key": "a", "revision": "1", "content": {}},
        {"key": "a", "revision": True, "content": {}},
        {"key": "a", "revision": 1, "content": []},
        {"key": "a", "revision": 1},
        {"revision": 1, "content": {}},
    ],
)
def test_a_file_that_holds_something_else_is_damaged_and_says_so(json_store: JsonStore, row: object) -> None:
    path = json_store.folder / "documents" / "alert.json"
    path.write_text(json.dumps({"_default": {"1": row}}))
    with pytest.raises(StoreUnavailable, match=r"alert.json is damaged \(not a document\)"):
        json_store.list_documents("alert")
