"""The time of day, in one place, so that a replay or a test can move it.

All times in the suite are aware datetimes in UTC. A naive datetime is refused where it enters.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class Clock:
    """The machine's clock, moved by ``offset`` (setting ``clock_offset``, ``ML_CLOCK_OFFSET``)."""

    def __init__(self, offset: timedelta = timedelta(0)) -> None:
        self.offset = offset

    def now(self) -> datetime:
        """Return the current time, aware and in UTC."""
        return datetime.now(UTC) + self.offset


class FixedClock(Clock):
    """A clock that stands still until it is told to move: for tests and replays."""

    def __init__(self, time: datetime) -> None:
        super().__init__()
        self.time = as_utc(time)

    def now(self) -> datetime:
        return self.time

    def advance(self, step: timedelta) -> None:
        """Move the clock by ``step``."""
        self.time += step


def as_utc(time: datetime) -> datetime:
    """Return an aware datetime in UTC; raise ``ValueError`` for a naive one, or one outside the years 1 to 9999."""
    if time.tzinfo is None:
        raise ValueError("expected a time with a UTC offset, such as 2026-11-20T18:00:00Z")
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise ValueError("expected a time that lies in the years 1 to 9999 in UTC too") from None


def parse_time(text: str) -> datetime:
    """Read an ISO 8601 time that carries an offset; raise ``ValueError`` that says what was expected."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"expected an ISO 8601 time such as 2026-11-20T18:00:00Z, not {text[:40]!r}") from None
    return as_utc(time)


def format_time(time: datetime) -> str:
    """Write a time as ISO 8601 in UTC, ending in ``Z``."""
    return as_utc(time).isoformat().replace("+00:00", "Z")
