"""Where what is tracked lies in a store, and what its times are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

FIRST_TIME = datetime(1970, 1, 1, tzinfo=UTC)
LAST_TIME = datetime(9999, 1, 1, tzinfo=UTC)
LAST_MS = int(LAST_TIME.timestamp() * 1000) - 1
RESOLUTION = timedelta(microseconds=1)


def time_of(milliseconds: int) -> datetime:
    """Return the time so many milliseconds after the beginning of 1970."""
    return FIRST_TIME + timedelta(milliseconds=milliseconds)


def milliseconds_of(time: datetime) -> int:
    """Return the whole milliseconds from the beginning of 1970 to a time."""
    return (time - FIRST_TIME) // timedelta(milliseconds=1)
