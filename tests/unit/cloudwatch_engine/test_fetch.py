"""From a source into the store: once each, corrected where it changed, and never filled in."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from cloudwatch_engine.fetch import fetch, open_source
from cloudwatch_engine.generated import GeneratedInstance, generated_queries
from cloudwatch_engine.names import KNOWN, Known
from cloudwatch_engine.queries import MetricQuery
from cloudwatch_engine.readings import Points, Reading
from ml_core.errors import ConfigurationError
from ml_core.settings import CloudWatchSettings
from ml_core.store.json_store import JsonStore
from tests.factories import NOON

STEP = timedelta(minutes=5)
SERIES = "cloudwatch/i-0abc/CPUUtilization"


@dataclass
class Memory:
    """A source that knows some points, and keeps what it was asked for."""

    points: dict[str, dict[datetime, float]]
    asked: list[tuple[datetime, datetime]] = field(default_factory=list)
    notes: tuple[str, ...] = ()

    def read(self, queries: Sequence[MetricQuery], start: datetime, end: datetime) -> Reading:
        self.asked.append((start, end))
        known: dict[str, Points] = {
            query.query_id: {t: v for t, v in self.points.get(query.query_id, {}).items() if start <= t < end}
            for query in queries
        }
        return Reading(known, self.notes)


def a_query(known: Known = KNOWN[0]) -> MetricQuery:
    return MetricQuery(known.name.lower(), "i-0abc", known, (("InstanceId", "i-0abc"),))


def points(count: int, until: datetime = NOON) -> dict[datetime, float]:
    return {until - number * STEP: float(number) for number in range(count, 0, -1)}


def stored(store: JsonStore, series: str = SERIES) -> dict[datetime, float]:
    frame = store.observations(series, NOON - timedelta(days=30), NOON + timedelta(days=30))
    return {time.to_pydatetime(): value for time, value in zip(frame["time"], frame["value"], strict=True)}


@pytest.fixture
def section() -> CloudWatchSettings:
    return CloudWatchSettings(history_days=1, overlap_periods=6)


def test_the_newest_two_periods_are_left_to_settle(json_store: JsonStore, section: CloudWatchSettings) -> None:
    source = Memory({"cpuutilization": points(30)})
    (fetched,) = fetch(json_store, section, source, [a_query()], NOON)
    assert source.asked == [(NOON - timedelta(days=1, minutes=10), NOON - timedelta(minutes=10))]
    assert (fetched.new, fetched.newest_time) == (28, NOON - 3 * STEP)


def test_a_second_fetch_reads_an_overlap_and_stores_what_is_new(
    json_store: JsonStore, section: CloudWatchSettings
) -> None:
    source = Memory({"cpuutilization": points(30, NOON + timedelta(hours=1))})
    fetch(json_store, section, source, [a_query()], NOON)
    (fetched,) = fetch(json_store, section, source, [a_query()], NOON + timedelta(minutes=22))
    assert source.asked[1] == (NOON - 9 * STEP, NOON + timedelta(minutes=10))
    assert (fetched.new, fetched.corrected) == (4, 0)
    assert len(stored(json_store)) == 20


def test_a_point_that_settled_late_is_corrected_and_one_that_came_late_is_added(
    json_store: JsonStore, section: CloudWatchSettings
) -> None:
    early = points(30)
    late_time, changed_time = NOON - 4 * STEP, NOON - 5 * STEP
    fetch(
        json_store,
        section,
        Memory({"cpuutilization": {t: v for t, v in early.items() if t != late_time}}),
        [a_query()],
        NOON,
    )
    source = Memory({"cpuutilization": early | {changed_time: 99.0}})
    (fetched,) = fetch(json_store, section, source, [a_query()], NOON)
    assert (fetched.new, fetched.corrected) == (1, 1)
    assert stored(json_store)[changed_time] == 99.0
    history = [row.value for row in json_store.observation_history(SERIES) if row.time == changed_time]
    assert history == [5.0, 99.0]


def test_gaps_stay_gaps_and_are_reported(
    json_store: JsonStore, section: CloudWatchSettings, caplog: pytest.LogCaptureFixture
) -> None:
    known = points(30)
    for number in (10, 11, 12, 20):
        del known[NOON - number * STEP]
    with caplog.at_level(logging.INFO):
        (fetched,) = fetch(json_store, section, Memory({"cpuutilization": known}), [a_query()], NOON)
    assert fetched.missing == 4
    assert len(stored(json_store)) == 24
    assert f"{SERIES}: 4 points are missing, in the longest gap 3, after 2026-11-20T10:55:00Z" in caplog.text


def test_memory_by_both_names_is_one_series_and_the_agent_wins(
    json_store: JsonStore, section: CloudWatchSettings
) -> None:
    agent, scripts = (known for known in KNOWN if known.metric == "MemoryUtilization")
    by_scripts = dict.fromkeys(points(10), 50.0)
    by_agent = {NOON - 4 * STEP: 40.0}
    source = Memory({"mem_used_percent": by_agent, "memoryutilization": by_scripts})
    for queries in ([a_query(agent), a_query(scripts)], [a_query(scripts), a_query(agent)]):
        fetch(json_store, section, source, queries, NOON)
        values = stored(json_store, "cloudwatch/i-0abc/MemoryUtilization")
        assert values[NOON - 4 * STEP] == 40.0
        assert list(values.values()).count(50.0) == 7


def test_a_series_without_points_is_warned_of_and_the_others_are_stored(
    json_store: JsonStore, section: CloudWatchSettings, caplog: pytest.LogCaptureFixture
) -> None:
    other = next(known for known in KNOWN if known.metric == "NetworkIn")
    source = Memory({"cpuutilization": points(5)}, notes=("a note of the source",))
    cpu, network = fetch(json_store, section, source, [a_query(), a_query(other)], NOON)
    assert (cpu.new, network.new, network.newest_time) == (3, 0, None)
    assert "NetworkIn: no points came" in caplog.text
    assert "a note of the source" in caplog.text


def test_the_generated_instance_takes_the_same_way_and_keeps_up_with_the_clock(
    json_store: JsonStore, section: CloudWatchSettings
) -> None:
    source, queries = open_source(section)
    assert isinstance(source, GeneratedInstance)
    assert queries == generated_queries()
    first = fetch(json_store, section, source, queries, NOON)
    assert len(first) == 4
    assert all(row.new + row.missing in range(280, 289) for row in first)
    later = fetch(json_store, section, source, queries, NOON + timedelta(hours=1))
    assert all(row.corrected == 0 and row.new <= 12 for row in later)
    assert later[0].newest_time is not None
    assert later[0].newest_time > NOON + timedelta(minutes=30)


def test_aws_is_asked_what_the_file_of_queries_says(monkeypatch: pytest.MonkeyPatch) -> None:
    section = CloudWatchSettings(source="aws", region="eu-west-1")
    _, queries = open_source(section)
    assert len(queries) == 5
    with pytest.raises(ConfigurationError, match="queries_file"):
        open_source(section.model_copy(update={"queries_file": "/nowhere/queries.json"}))
