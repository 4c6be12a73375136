"""The clock, and times as text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_core.clock import Clock, FixedClock, as_utc, format_time, parse_time
from tests.factories import NOON

TOKYO = timezone(timedelta(hours=9))
# A day is kept off both ends, so that every offset leads to a year between 1 and 9999.
TIMES = st.datetimes(
    datetime(1, 1, 2),
    datetime(9999, 12, 30),
    timezones=st.sampled_from([UTC, TOKYO, timezone(-timedelta(hours=5, minutes=30))]),
)


def test_now_is_the_machines_time_in_utc() -> None:
    before = datetime.now(UTC)
    now = Clock().now()
    assert before <= now <= datetime.now(UTC)
    assert now.utcoffset() == timedelta(0)


def test_an_offset_moves_the_clock() -> None:
    ahead = Clock(timedelta(days=-400)).now() - Clock().now()
    assert timedelta(days=-400, seconds=-1) < ahead <= timedelta(days=-400)


def test_a_fixed_clock_stands_still_until_it_is_moved() -> None:
    clock = FixedClock(NOON)
    assert [clock.now(), clock.now()] == [NOON, NOON]
    clock.advance(timedelta(minutes=5))
    assert clock.now() == NOON + timedelta(minutes=5)


def test_a_fixed_clock_answers_in_utc_whatever_zone_it_was_set_in() -> None:
    clock = FixedClock(NOON.astimezone(TOKYO))
    assert clock.now().isoformat() == "2026-11-20T12:00:00+00:00"


def test_a_naive_time_is_refused_wherever_it_enters() -> None:
    naive = datetime(2026, 11, 20, 12)
    for enter in (as_utc, FixedClock, format_time):
        with pytest.raises(ValueError, match="UTC offset"):
            enter(naive)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-20T12:00:00Z", NOON),
        ("2026-11-20T12:00:00+00:00", NOON),
        ("2026-11-20T21:00:00+09:00", NOON),
        ("2026-11-20 12:00:00.000250Z", NOON + timedelta(microseconds=250)),
        ("20261120T120000Z", NOON),
    ],
)
def test_iso_8601_times_with_an_offset_are_read_as_utc(text: str, expected: datetime) -> None:
    time = parse_time(text)
    assert time == expected
    assert time.tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-20T12:00:00", "UTC offset"),
        ("2026-11-20", "UTC offset"),
        ("noon", "ISO 8601"),
        ("", "ISO 8601"),
        ("2026-11-20T24:01:00Z", "ISO 8601"),
        ("2026-02-30T12:00:00Z", "ISO 8601"),
        ("1795176000", "ISO 8601"),
        ("\ud800", "ISO 8601"),
        ("0001-01-01T00:00:00+14:00", "years 1 to 9999"),
        ("9999-12-31T23:59:59-14:00", "years 1 to 9999"),
    ],
)
def test_any_other_text_is_refused_with_what_was_expected(text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        parse_time(text)


def test_a_refusal_shows_no_more_than_the_start_of_a_long_text() -> None:
    with pytest.raises(ValueError) as caught:
        parse_time("x" * 10_000)
    assert len(str(caught.value)) < 200


def test_times_are_written_with_a_z() -> None:
    assert format_time(NOON.astimezone(TOKYO)) == "2026-11-20T12:00:00Z"
    assert format_time(NOON + timedelta(microseconds=1)) == "2026-11-20T12:00:00.000001Z"


@given(TIMES)
def test_a_time_survives_being_written_and_read(time: datetime) -> None:
    assert parse_time(format_time(time)) == time
