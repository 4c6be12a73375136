"""Where what is tracked lies in a store, and what its times are."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

FIRST_TIME = datetime(1970, 1, 1, tzinfo=UTC)
LAST_TIME = datetime(9999, 1, 1, tzinfo=UTC)
LAST_MS = int(LAST_TIME.timestamp() * 1000) - 1
RESOLUTION = timedelta(microseconds=1)
_SUFFIX = ".tracked"
_MOST_CHARACTERS = 64
_HASH_CHARACTERS = 8


def companion(model: str) -> str:
    """Return the name under which the lines tracked of a model are kept as metric points.

    It is one of its own, since a day of them holds the inputs of every prediction, and checks read a model's points day
    by day.
    """
    if len(model) + len(_SUFFIX) <= _MOST_CHARACTERS:
        return model + _SUFFIX
    digest = hashlib.sha256(model.encode()).hexdigest()[:_HASH_CHARACTERS]
    return f"{model[: _MOST_CHARACTERS - len(_SUFFIX) - _HASH_CHARACTERS - 1]}.{digest}{_SUFFIX}"


def time_of(milliseconds: int) -> datetime:
    """Return the time so many milliseconds after the beginning of 1970."""
    return FIRST_TIME + timedelta(milliseconds=milliseconds)


def milliseconds_of(time: datetime) -> int:
    """Return the whole milliseconds from the beginning of 1970 to a time."""
    return (time - FIRST_TIME) // timedelta(milliseconds=1)
