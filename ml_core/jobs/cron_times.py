"""When cron calls a command: the five fields of a line as crontab(5) defines them, without names and ``@daily``.

Cron goes by the clock of its machine's time zone, and so does this. Where the clocks change, an hour that is skipped or
comes twice is counted as the zone's rules have it, once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_NAMES = ("minute", "hour", "day of month", "month", "day of week")
_MOST_DAYS = 8 * 366  # the 29th of February may be eight years away
_MINUTE, _DAY = timedelta(minutes=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class CronTimes:
    """The times of one crontab line; a day fits by its date or by its weekday if both are restricted."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool

    def next_after(self, time: datetime, zone: tzinfo | None = None) -> datetime | None:
        """Return the first call after ``time``, in UTC; None for none in eight years. ``zone`` is the machine's."""
        local = _local(time, zone).replace(second=0, microsecond=0) + _MINUTE
        return self._search(local, zone, forwards=True)

    def last_until(self, time: datetime, zone: tzinfo | None = None) -> datetime | None:
        """Return the newest call that is not after ``time``, in UTC; None if there was none in eight years."""
        return self._search(_local(time, zone).replace(second=0, microsecond=0), zone, forwards=False)

    def _search(self, local: datetime, zone: tzinfo | None, *, forwards: bool) -> datetime | None:
        step = _DAY if forwards else -_DAY
        first = local.time()
        choose: Callable[[list[tuple[int, int]]], tuple[int, int]] = min if forwards else max
        for number in range(_MOST_DAYS):
            day = (local + number * step).date()
            if not self._fits(day.day, day.month, day.isoweekday() % 7):
                continue
            calls = [(hour, minute) for hour in self.hours for minute in self.minutes]
            if number == 0:
                here = (first.hour, first.minute)
                calls = [call for call in calls if (call >= here if forwards else call <= here)]
            if calls:
                hour, minute = choose(calls)
                return _utc(datetime(day.year, day.month, day.day, hour, minute), zone)
        return None

    def _fits(self, day: int, month: int, weekday: int) -> bool:
        if month not in self.months:
            return False
        by_date, by_weekday = day in self.days, weekday in self.weekdays
        return by_date or by_weekday if not (self.any_day or self.any_weekday) else by_date and by_weekday


def parse_cron(fields: str) -> CronTimes:
    """Read the five fields of a line, such as ``*/5 * * * *``; raise ``ValueError`` that names the wrong one."""
    parts = fields.split()
    if len(parts) != len(_RANGES):
        raise ValueError(f"expected five fields, not {len(parts)}")
    minutes, hours, days, months, weekdays = (
        _values(part, low, high, name) for part, (low, high), name in zip(parts, _RANGES, _NAMES, strict=True)
    )
    sundays = frozenset(day % 7 for day in weekdays)
    return CronTimes(minutes, hours, days, months, sundays, parts[2].startswith("*"), parts[4].startswith("*"))


def _values(text: str, low: int, high: int, name: str) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, slash, step = part.partition("/")
        first, dash, last = span.partition("-")
        try:
            start = low if span == "*" else int(first)
            end = high if span == "*" or (slash and not dash) else int(last) if dash else start
            every = int(step) if slash else 1
        except ValueError:
            raise ValueError(f"{name}: expected numbers, lists, ranges or steps, not {text[:40]!r}") from None
        if not (low <= start <= end <= high) or every < 1:
            raise ValueError(f"{name}: expected {low} to {high}, not {text[:40]!r}")
        found |= set(range(start, end + 1, every))
    return frozenset(found)


def _local(time: datetime, zone: tzinfo | None) -> datetime:
    return time.astimezone(zone).replace(tzinfo=None)


def _utc(local: datetime, zone: tzinfo | None) -> datetime:
    return (local.replace(tzinfo=zone) if zone else local.astimezone()).astimezone(UTC)
