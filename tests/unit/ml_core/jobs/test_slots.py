from __future__ import annotations

from datetime import timedelta

import pytest

from ml_core.jobs.slots import Due, Missed, Schedule, due_slots
from tests.factories import NOON

HOUR = timedelta(hours=1)
HOURLY = Schedule(HOUR)


def test_a_slot_is_the_newest_multiple_of_the_interval() -> None:
    assert HOURLY.slot_at(NOON) == NOON
    assert HOURLY.slot_at(NOON + timedelta(minutes=59)) == NOON
    assert HOURLY.slot_at(NOON - timedelta(microseconds=1)) == NOON - HOUR


def test_an_offset_moves_all_slots() -> None:
    schedule = Schedule(HOUR, timedelta(minutes=5))
    assert schedule.slot_at(NOON) == NOON - timedelta(minutes=55)
    assert schedule.slot_at(NOON + timedelta(minutes=5)) == NOON + timedelta(minutes=5)


def test_an_interval_that_is_not_positive_is_refused() -> None:
    with pytest.raises(ValueError, match="interval"):
        Schedule(timedelta(0))


def test_slots_between_two_times_leave_the_first_out_and_take_the_last() -> None:
    assert HOURLY.slots_between(NOON - 2 * HOUR, NOON) == [NOON - HOUR, NOON]
    assert HOURLY.slots_between(NOON, NOON) == []


def due(done_hours_ago: set[int], first_hours_ago: int | None, missed: Missed, cap: int = 10) -> Due:
    first = None if first_hours_ago is None else NOON - first_hours_ago * HOUR
    return due_slots(HOURLY, {NOON - ago * HOUR for ago in done_hours_ago}, first, NOON + HOUR / 2, missed, cap)


@pytest.mark.parametrize("missed", ["none", "last", "all"])
def test_the_first_run_ever_is_that_of_the_current_slot_alone(missed: Missed) -> None:
    assert due(set(), None, missed) == Due((NOON,))


@pytest.mark.parametrize("missed", ["none", "last", "all"])
def test_a_slot_that_is_done_is_not_due_again(missed: Missed) -> None:
    assert due({0, 1, 2}, 2, missed) == Due(())


def test_missed_slots_are_left_alone_made_good_once_or_all() -> None:
    assert due({5, 3}, 5, "none") == Due((NOON,))
    assert due({5, 3}, 5, "last") == Due((NOON,))
    assert due({5, 3, 0}, 5, "last") == Due((NOON - HOUR,))
    assert due({5, 3}, 5, "all") == Due(tuple(NOON - ago * HOUR for ago in (4, 2, 1, 0)))


def test_the_cap_leaves_the_oldest_out_and_says_how_many() -> None:
    assert due({100}, 100, "all", cap=3) == Due(tuple(NOON - ago * HOUR for ago in (2, 1, 0)), left_out=97)
