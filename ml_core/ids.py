"""Ids made by the writer: UUID version 7 (RFC 9562), which carry their own millisecond and sort by it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import uuid_utils

from ml_core.clock import as_utc

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UUID_7 = re.compile(r"([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}(?:-[0-9]+)?")


def new_id(time: datetime) -> str:
    """Return a fresh UUIDv7 whose leading 48 bits are ``time`` in milliseconds.

    Ids made for different milliseconds sort by time.
    """
    microseconds = (as_utc(time) - _EPOCH) // timedelta(microseconds=1)
    return str(uuid_utils.uuid7(nanoseconds=microseconds * 1000))


def id_time(prediction_id: str) -> datetime | None:
    """Return the time that a UUIDv7 carries (also one followed by ``-<row>``), or None for any other id."""
    match = _UUID_7.fullmatch(prediction_id)
    if match is None:
        return None
    try:
        return _EPOCH + timedelta(milliseconds=int(match[1] + match[2], 16))
    except OverflowError:  # a year past 9999: not made by a clock
        return None
