"""When callers try a database, and when they are spared the wait."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ml_core.clock import FixedClock
from ml_core.errors import StoreUnavailable
from ml_core.store.watching import Absence, DatabaseWatch
from tests.factories import NOON

AWAY = StoreUnavailable("the database cannot be reached")


class Timer:
    """A clock for durations that a test moves."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def timer() -> Timer:
    return Timer()


@pytest.fixture
def watch(clock: FixedClock, timer: Timer) -> DatabaseWatch:
    return DatabaseWatch(clock, timer)


def fail(watch: DatabaseWatch) -> None:
    with pytest.raises(StoreUnavailable), watch.attempt():
        raise AWAY


def test_a_database_that_was_never_asked_is_not_in_doubt(watch: DatabaseWatch) -> None:
    assert not watch.is_in_doubt
    assert watch.absence is None


def test_after_a_failure_nobody_tries_for_a_moment_and_then_one_does(watch: DatabaseWatch, timer: Timer) -> None:
    fail(watch)
    timer.seconds += 1.9
    assert watch.is_in_doubt
    timer.seconds += 0.2
    assert not watch.is_in_doubt
    with watch.attempt():
        assert watch.is_in_doubt  # for all others
    assert not watch.is_in_doubt


def test_an_absence_begins_with_its_first_failure_and_ends_with_a_success(
    watch: DatabaseWatch, clock: FixedClock
) -> None:
    fail(watch)
    clock.advance(timedelta(minutes=5))
    fail(watch)
    assert watch.absence == Absence(NOON, AWAY.message)
    watch.succeeded()
    assert watch.absence is None
    fail(watch)
    assert watch.absence == Absence(NOON + timedelta(minutes=5), AWAY.message)


def test_an_attempt_that_takes_long_is_not_joined_by_others(watch: DatabaseWatch, timer: Timer) -> None:
    with watch.attempt():
        timer.seconds += 1.9
        assert not watch.is_in_doubt
        timer.seconds += 0.2
        assert watch.is_in_doubt
        with watch.attempt():
            pass
        assert not watch.is_in_doubt  # the database answered another one meanwhile: the first is only slow


def test_another_error_says_nothing_about_the_database(watch: DatabaseWatch, timer: Timer) -> None:
    with pytest.raises(ValueError, match="naive"), watch.attempt():
        raise ValueError("naive")
    assert watch.absence is None
    timer.seconds += 60
    assert not watch.is_in_doubt
