"""Values come once, when they became known, with what they were then."""

from __future__ import annotations

from datetime import timedelta

import pytest

from forecasting_jobs.replay.arrivals import Arrivals
from ml_core.records import Observation
from ml_core.store.json_store import JsonStore
from tests.factories import NOON

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
def store(json_store: JsonStore) -> JsonStore:
    """Four hours known as they end, the first corrected a day later; and another series, brought in a month later."""
    rows = [Observation(NOON + number * HOUR, float(number), NOON + (number + 1) * HOUR) for number in range(4)]
    json_store.record_observations("a", rows)
    json_store.record_observations("a", [Observation(NOON, 7.0, NOON + DAY, correct=True)])
    json_store.record_observations("b", [Observation(NOON + number * HOUR, 1.0, NOON + 30 * DAY) for number in (0, 1)])
    return json_store


def test_each_value_comes_once_and_a_correction_when_it_was_made(store: JsonStore) -> None:
    arrivals = Arrivals(store, ["a", "b"])
    first = arrivals.until(NOON + 2 * HOUR)
    assert {name: [row.value for row in rows] for name, rows in first.items()} == {"a": [0.0, 1.0]}
    assert [row.value for row in arrivals.until(NOON + 23 * HOUR)["a"]] == [2.0, 3.0]
    assert arrivals.until(NOON + DAY)["a"] == [Observation(NOON, 7.0, NOON + DAY, correct=True)]
    assert arrivals.until(NOON + DAY) == {}
    assert list(arrivals.until(NOON + 40 * DAY)) == ["b"]


def test_what_has_come_is_what_the_store_knew_at_that_time(store: JsonStore) -> None:
    arrivals = Arrivals(store, ["a"])
    for hours in (0, 1, 3, 12, 24, 48):
        known_at = NOON + hours * HOUR
        for name, rows in arrivals.until(known_at).items():
            store.record_observations(f"copy of {name}", rows)
        there, then = (
            store.observations("copy of a", NOON, NOON + DAY),
            store.observations("a", NOON, NOON + DAY, known_at=known_at),
        )
        assert there.equals(then)


def test_a_history_that_was_brought_in_at_once_may_count_as_known_sooner(store: JsonStore) -> None:
    assert Arrivals(store, ["b"]).first_time("b") == NOON + 30 * DAY
    arrivals = Arrivals(store, ["a", "b"], timedelta(hours=2))
    assert arrivals.first_time("b") == NOON + 2 * HOUR and arrivals.first_time("c") is None
    known = arrivals.until(NOON + 2 * HOUR)
    assert known["b"] == [Observation(NOON, 1.0, NOON + 2 * HOUR)]
    assert [row.received_time for row in known["a"]] == [NOON + HOUR, NOON + 2 * HOUR]  # none comes later than it did
    assert [row.value for row in arrivals.until(NOON + DAY)["a"]] == [2.0, 3.0, 7.0]
