"""Ids made by the writer: UUID version 7 (RFC 9562), which carry their own millisecond and sort by it."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import uuid_utils

from ml_core.clock import as_utc

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_VERSION_7 = 7


def new_id(time: datetime) -> str:
    """Return a fresh UUIDv7 whose leading 48 bits are ``time`` in milliseconds.

    Ids made for different milliseconds sort by time.
    """
    microseconds = (as_utc(time) - _EPOCH) // timedelta(microseconds=1)
    return str(uuid_utils.uuid7(nanoseconds=microseconds * 1000))


def id_time(prediction_id: str) -> datetime | None:
    """Return the time that a UUIDv7 carries (also one followed by ``-<row>``), or None for any other id."""
    head, _, row = prediction_id[:36], prediction_id[36:37], prediction_id[37:]
    if len(prediction_id) > 36 and not (prediction_id[36] == "-" and row.isascii() and row.isdigit()):
        return None
    try:
        parsed = uuid.UUID(head)
    except ValueError:
        return None
    if parsed.version != _VERSION_7 or str(parsed) != head:
        return None
    milliseconds = parsed.int >> 80
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError):  # a year past 9999: not made by a clock
        return None
