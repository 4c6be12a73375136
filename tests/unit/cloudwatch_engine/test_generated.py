"""The generated instance: the same whoever asks, and with all that its description promises."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from cloudwatch_engine.generated import GeneratedInstance, generated_queries
from cloudwatch_engine.names import METRICS

START = datetime(2026, 11, 2, tzinfo=UTC)  # a Monday
STEP = timedelta(minutes=5)


def read(start: datetime, end: datetime, period_seconds: int = 300) -> dict[str, dict[datetime, float]]:
    queries = generated_queries()
    points = GeneratedInstance(period_seconds).read(queries, start, end).points
    return {query.metric: dict(points[query.query_id]) for query in queries}


@pytest.fixture(scope="module")
def weeks() -> dict[str, dict[datetime, float]]:
    return read(START, START + timedelta(days=56))


def test_it_has_all_metrics_in_their_ranges(weeks: dict[str, dict[datetime, float]]) -> None:
    assert set(weeks) == set(METRICS)
    for metric in ("CPUUtilization", "MemoryUtilization"):
        assert all(0 < value <= 100 for value in weeks[metric].values())
    assert min(weeks["NetworkIn"].values()) > 0


def test_a_stretch_is_the_same_in_whatever_pieces_it_is_asked_for(weeks: dict[str, dict[datetime, float]]) -> None:
    for start, length in ((3, 1), (17, 5), (30, 0.3)):
        piece = read(START + timedelta(days=start), START + timedelta(days=start + length))
        for metric, points in piece.items():
            assert points
            assert all(weeks[metric][time] == value for time, value in points.items())


def test_what_comes_later_changes_nothing_that_came_before() -> None:
    early, late = read(START, START + timedelta(days=2)), read(START, START + timedelta(days=3))
    for metric in METRICS:
        assert early[metric] == {time: late[metric][time] for time in early[metric]}


def test_a_stretch_begins_and_ends_on_the_grid_and_may_be_empty() -> None:
    points = read(START + timedelta(seconds=1), START + timedelta(minutes=10, seconds=1))["CPUUtilization"]
    assert list(points) == [START + STEP, START + 2 * STEP]
    assert read(START, START)["CPUUtilization"] == {}


def test_days_are_busier_than_nights_and_weekdays_than_weekends(weeks: dict[str, dict[datetime, float]]) -> None:
    by_time = weeks["CPUUtilization"].items()
    day = np.mean([value for time, value in by_time if time.weekday() < 5 and 10 <= time.hour < 17])
    night = np.mean([value for time, value in by_time if time.weekday() < 5 and time.hour < 5])
    weekend = np.mean([value for time, value in by_time if time.weekday() >= 5 and 10 <= time.hour < 17])
    assert day > 1.5 * weekend
    assert weekend > night


def test_there_are_gaps_overloads_and_leaks_and_never_a_zero(weeks: dict[str, dict[datetime, float]]) -> None:
    cpu = weeks["CPUUtilization"]
    missing = 56 * 288 - len(cpu)
    assert 20 < missing < 1500
    assert 0 not in cpu.values()
    share = np.mean([value > 80 for value in cpu.values()])
    assert 0.003 < share < 0.08
    memory = np.array(list(weeks["MemoryUtilization"].values()))
    assert np.diff(memory).min() < -10  # freed by a deploy, after days of growing


def test_another_period_gives_another_grid_of_the_same_process() -> None:
    assert len(read(START, START + timedelta(days=1), 3600)["CPUUtilization"]) in range(22, 25)
