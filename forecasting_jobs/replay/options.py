"""Reads what is said to the time machine; what is wrong is refused by the name of its option."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from ml_core.clock import parse_time
from ml_core.errors import FieldError, InvalidInput

_SPAN = re.compile(r"([1-9][0-9]{0,3})(min|h|d)")
_UNITS = {"min": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def read_span(option: str, text: str) -> timedelta:
    """Return a length of time such as ``30min``, ``12h`` or ``1d``; raise ``InvalidInput``."""
    match = _SPAN.fullmatch(text)
    if match is None:
        raise refused(option, f"expected minutes, hours or days such as 30min, 12h or 1d, not {text!r}")
    return int(match[1]) * _UNITS[match[2]]


def read_time(option: str, text: str) -> datetime:
    """Return a time; raise ``InvalidInput``."""
    try:
        return parse_time(text)
    except ValueError as error:
        raise refused(option, str(error)) from None


def refuse(given: Mapping[str, object], reason: str) -> None:
    """Raise ``InvalidInput`` for the first option that was given though it says nothing here."""
    for option, value in given.items():
        if value is not None:
            raise refused(option, reason)


def refused(option: str, message: str) -> InvalidInput:
    """Return the error of an option."""
    return InvalidInput(f"{option}: {message}", [FieldError(option, message)])
