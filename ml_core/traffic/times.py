"""Times as scripts of the first system write them: without an offset, which then is that of UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ml_core.clock import as_utc

EXPECTED_TIME = "expected a time such as 2024-04-26 02:00:00, of UTC unless it says otherwise"


def read_time(value: Any) -> datetime:
    """Read a time, in UTC if it has no offset; raise ``ValueError`` that says what was expected."""
    if not isinstance(value, str):
        raise ValueError(EXPECTED_TIME)
    try:
        time = datetime.fromisoformat(value)
        return as_utc(time if time.tzinfo else time.replace(tzinfo=UTC))
    except ValueError:
        raise ValueError(EXPECTED_TIME) from None


def write_like(time: datetime, example: str) -> str:
    """Write a time in ISO 8601, without an offset if the example, which can be read, has none."""
    has_offset = datetime.fromisoformat(example).tzinfo is not None
    return as_utc(time).isoformat().replace("+00:00", "Z" if has_offset else "")
