from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from ml_core.jobs.cron_times import parse_cron

FRIDAY_NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fields", "last", "following"),
    [
        ("* * * * *", "2026-11-20 12:00", "2026-11-20 12:01"),
        ("*/5 * * * *", "2026-11-20 12:00", "2026-11-20 12:05"),
        ("7-59/20 * * * *", "2026-11-20 11:47", "2026-11-20 12:07"),
        ("10 3 * * *", "2026-11-20 03:10", "2026-11-21 03:10"),
        ("0,30 9-12 * * *", "2026-11-20 12:00", "2026-11-20 12:30"),
        ("0 0 1 * *", "2026-11-01 00:00", "2026-12-01 00:00"),
        ("0 6 * * 1", "2026-11-16 06:00", "2026-11-23 06:00"),
        ("0 6 * * 7", "2026-11-15 06:00", "2026-11-22 06:00"),
        ("0 6 * * 0", "2026-11-15 06:00", "2026-11-22 06:00"),
        ("0 0 29 2 *", "2024-02-29 00:00", "2028-02-29 00:00"),
        ("0 0 13 * 5", "2026-11-20 00:00", "2026-11-27 00:00"),  # by date or weekday where both are given
        ("0 0 */40 * *", "2026-11-01 00:00", "2026-12-01 00:00"),
    ],
)
def test_calls_before_and_after_a_time(fields: str, last: str, following: str) -> None:
    times = parse_cron(fields)
    shown = [times.last_until(FRIDAY_NOON, UTC), times.next_after(FRIDAY_NOON, UTC)]
    assert [f"{time:%Y-%m-%d %H:%M}" for time in shown if time] == [last, following]


def test_a_day_that_never_comes_has_no_call() -> None:
    assert parse_cron("0 0 30 2 *").next_after(FRIDAY_NOON, UTC) is None
    assert parse_cron("0 0 30 2 *").last_until(FRIDAY_NOON, UTC) is None


def test_cron_goes_by_the_zone_of_its_machine() -> None:
    tokyo = ZoneInfo("Asia/Tokyo")
    following = parse_cron("10 3 * * *").next_after(FRIDAY_NOON, tokyo)
    assert following == datetime(2026, 11, 20, 18, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ("* * * *", "expected five fields, not 4"),
        ("60 * * * *", "minute: expected 0 to 59, not '60'"),
        ("* 5-2 * * *", "hour: expected 0 to 23"),
        ("* * 0 * *", "day of month: expected 1 to 31"),
        ("* * * jan *", "month: expected numbers, lists, ranges or steps, not 'jan'"),
        ("*/0 * * * *", "minute: expected 0 to 59, not '*/0'"),
        ("* * * * 1,", "day of week: expected numbers"),
    ],
)
def test_a_wrong_field_is_named(fields: str, words: str) -> None:
    with pytest.raises(ValueError, match="expected") as caught:
        parse_cron(fields)
    assert words in str(caught.value)
