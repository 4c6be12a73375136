"""What a replay tells: for people, for programs, and as a picture."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from forecasting_jobs.replay.timeline import Timeline
from ml_core.clock import FixedClock
from ml_core.process_parts import ProcessParts
from ml_core.records import MetricPoint
from ml_core.registry import Registry
from ml_core.retraining.history import Event, append_event
from ml_core.retraining.promoting import promote
from ml_core.settings import Settings
from ml_core.store.json_store import JsonStore
from tests.factories import NOON, a_model, a_version

MODEL = "housing_price"
DAY = timedelta(days=1)
MIDNIGHT = NOON.replace(hour=0)


@pytest.fixture
def parts(settings: Settings, registry: Registry) -> ProcessParts:
    return ProcessParts(settings, registry)


@pytest.fixture
def timeline(parts: ProcessParts, clock: FixedClock, json_store: JsonStore) -> Timeline:
    """Three days: an alert on the second, and a version that is promoted on the third."""
    timeline = Timeline(MODEL, MIDNIGHT, MIDNIGHT + 3 * DAY, "rmse")
    parts.registry.add_model(a_model(MODEL))
    for _ in range(2):
        json_store.add_version(a_version(MODEL))
    clock.time = MIDNIGHT
    promote(parts.registry, parts.registry.find(MODEL), 1, why="what the replay begins with")
    timeline.add_check(MIDNIGHT + DAY, "1 model checked: 2 chunks evaluated, 9 results\n")
    timeline.add_check(
        MIDNIGHT + 2 * DAY,
        "1 model checked\nhousing_price: performance of rmse: ok -> firing\nother: drift of x: ok -> firing\n",
    )
    clock.time = MIDNIGHT + 3 * DAY - timedelta(hours=1)
    parts.registry.promote(parts.registry.find(MODEL), 2)
    append_event(json_store, Event(MODEL, clock.now(), "trained", "a:1", "version 2", 2))
    append_event(json_store, Event(MODEL, clock.now(), "promoted", "a:1", "it loses less", 2))
    days = [(0, 1.0, 2.0), (1, 3.0, 2.0), (2, None, None)]
    json_store.put_metric_points([a_day(*day) for day in days])
    json_store.put_metric_points([a_day(9, 7.0, 2.0)])
    timeline.finish(parts)
    return timeline


def a_day(number: int, value: float | None, upper: float | None) -> MetricPoint:
    """Return a day as a check writes it down, judged by two rules of which the narrower counts."""
    verdicts = {} if upper is None else {"a": {"upper": upper}, "b": {"upper": upper + 1}, "c": {"upper": None}}
    details = {"verdicts": verdicts} if value is None else {"verdicts": verdicts, "value": value}
    start = MIDNIGHT + number * DAY
    return MetricPoint(MODEL, "day/performance/rmse", start, start + DAY, 1, 0.0, 0.0, details=details)


def test_it_tells_in_order_of_time_what_happened_to_its_model_alone(timeline: Timeline) -> None:
    assert timeline.lines() == [
        "housing_price from 2026-11-20T00:00:00Z to 2026-11-23T00:00:00Z: 2 checks, 1 trained anew, 1 promoted",
        "2026-11-20T00:00:00Z  champion    version 1 serves (promote)",
        "2026-11-22T00:00:00Z  alert       performance of rmse: ok -> firing",
        "2026-11-22T23:00:00Z  retraining  trained by a:1: version 2",
        "2026-11-22T23:00:00Z  retraining  promoted by a:1: it loses less",
        "2026-11-22T23:00:00Z  champion    version 2 serves (promote)",
    ]


def test_days_hold_the_error_and_the_narrowest_bound(timeline: Timeline) -> None:
    assert [(day.start_time, day.value, day.upper) for day in timeline.days] == [
        (MIDNIGHT, 1.0, 2.0),
        (MIDNIGHT + DAY, 3.0, 2.0),
        (MIDNIGHT + 2 * DAY, None, None),
    ]


def test_it_is_written_as_text_as_json_and_as_a_picture(timeline: Timeline, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    files = timeline.write(folder)
    assert [file.name for file in files] == ["replay.txt", "replay.json", "replay.png"]
    assert files[0].read_text().splitlines() == timeline.lines()
    assert json.loads(files[1].read_text()) == timeline.to_dict()
    assert timeline.to_dict()["days"][1] == {"time": "2026-11-21T00:00:00Z", "value": 3.0, "upper": 2.0}
    assert (timeline.to_dict()["trained"], timeline.to_dict()["promoted"]) == (1, 1)
    assert files[2].read_bytes().startswith(b"\x89PNG")


def test_a_warning_is_told_when_it_begins_and_when_it_ends(json_store: JsonStore) -> None:
    timeline = Timeline(MODEL, NOON, NOON + DAY, "mae")
    hour = timedelta(hours=1)
    for number, (warned, chance) in enumerate([(0, 0.1), (1, 0.4), (1, 0.9), (0, 0.05), (1, 0.25)]):
        span = (NOON + number * hour, NOON + (number + 1) * hour, 1)
        values = {"overload_warning": float(warned), "overload_probability": chance, "overload_probability_1h": 0.7}
        points = [MetricPoint(MODEL, name, *span, value, value * value) for name, value in values.items()]
        json_store.put_metric_points(points)
    json_store.put_metric_points([MetricPoint(MODEL, "overload_warning", NOON + DAY, NOON + DAY + hour, 1, 0.0, 0.0)])
    timeline.add_warnings(json_store, "overload_warning", "overload_probability")
    assert timeline.lines()[1:] == [
        "2026-11-20T14:00:00Z  warning     overload_warning begins: overload_probability 0.40",
        "2026-11-20T16:00:00Z  warning     overload_warning ends: overload_probability 0.05",
        "2026-11-20T17:00:00Z  warning     overload_warning begins: overload_probability 0.25",
    ]


def test_without_a_day_that_has_an_error_there_is_no_picture(tmp_path: Path) -> None:
    timeline = Timeline(MODEL, MIDNIGHT, NOON, "rmse")
    assert [file.name for file in timeline.write(tmp_path)] == ["replay.txt", "replay.json"]
    assert timeline.lines() == [
        "housing_price from 2026-11-20T00:00:00Z to 2026-11-20T12:00:00Z: 0 checks, 0 trained anew, 0 promoted"
    ]
