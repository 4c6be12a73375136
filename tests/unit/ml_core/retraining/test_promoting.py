"""Whoever makes a version the champion leaves a line in the history, and none where nothing changed."""

from __future__ import annotations

import os

import pytest

from ml_core.errors import Conflict, VersionNotFound
from ml_core.registry import Registry
from ml_core.retraining.asking import promote as promote_by_hand
from ml_core.retraining.history import Event, list_events
from ml_core.retraining.promoting import promote
from tests.factories import NOON, a_model, a_version

MODEL = "housing_price"


@pytest.fixture
def twice(registry: Registry) -> Registry:
    registry.add_model(a_model(MODEL))
    for _ in range(2):
        registry.store.add_version(a_version(MODEL))
    return registry


def test_the_line_says_who_did_it_and_why(twice: Registry) -> None:
    assert promote(twice, twice.find(MODEL), 2, why="it won a race", who="ada").champion == 2
    assert list_events(twice.store, MODEL) == [Event(MODEL, NOON, "promoted", "ada", "it won a race", 2)]


def test_who_is_not_named_is_the_process(twice: Registry) -> None:
    promote(twice, twice.find(MODEL), 1, why="it was trained")
    (event,) = list_events(twice.store, MODEL)
    assert event.who.rpartition(":")[2] == str(os.getpid())


def test_a_person_is_somebody_unless_named(twice: Registry) -> None:
    promote_by_hand(twice, MODEL, 1)
    promote_by_hand(twice, MODEL, 2, author="ada", reason="new prices")
    told = [(event.who, event.why, event.version) for event in list_events(twice.store, MODEL)]
    assert told == [("somebody", "version 1 by hand", 1), ("ada", "version 2 by hand: new prices", 2)]


def test_where_the_champion_stays_there_is_no_line(twice: Registry) -> None:
    stale = twice.find(MODEL)
    promote(twice, stale, 1, why="first")
    promote(twice, twice.find(MODEL), 1, why="again")
    with pytest.raises(Conflict):
        promote(twice, stale, 2, why="too late")
    with pytest.raises(VersionNotFound):
        promote(twice, twice.find(MODEL), 3, why="unknown")
    assert [event.why for event in list_events(twice.store, MODEL)] == ["first"]
