"""Wrong tries are counted by caller."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ml_core.clock import FixedClock
from ml_core.errors import TooManyTries
from ml_core.web import tries as tries_module
from ml_core.web.tries import Tries

MINUTE = timedelta(minutes=1)


@pytest.fixture
def tries(clock: FixedClock) -> Tries:
    return Tries(clock, most=3, within=5 * MINUTE)


def wrong(tries: Tries, times: int, caller: str = "one") -> None:
    for _ in range(times):
        tries.check(caller)
        tries.note_wrong(caller)


def test_after_the_most_wrong_tries_a_caller_must_wait(tries: Tries, clock: FixedClock) -> None:
    wrong(tries, 2)
    clock.advance(MINUTE)
    wrong(tries, 1)
    with pytest.raises(TooManyTries) as caught:
        tries.check("one")
    assert caught.value.retry_after_seconds == 241  # until the first is five minutes old
    assert "wait 241 seconds" in caught.value.message
    tries.check("another")


def test_the_wait_ends_when_the_oldest_try_is_forgotten(tries: Tries, clock: FixedClock) -> None:
    wrong(tries, 2)
    clock.advance(MINUTE)
    wrong(tries, 1)
    clock.advance(4 * MINUTE)
    wrong(tries, 2)
    with pytest.raises(TooManyTries):
        tries.check("one")


def test_a_right_try_starts_the_count_anew(tries: Tries) -> None:
    wrong(tries, 2)
    tries.forget("one")
    tries.forget("nobody")
    wrong(tries, 3)
    with pytest.raises(TooManyTries):
        tries.check("one")


def test_many_callers_do_not_fill_the_memory(tries: Tries, clock: FixedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tries_module, "_MOST_CALLERS", 4)
    for caller in "abcd":
        wrong(tries, 1, caller)
    clock.advance(5 * MINUTE)
    wrong(tries, 1, "e")
    assert set(tries._wrong) == {"e"}
