"""Which texts of a CSV table are numbers. Nothing in the file says so, so that one rule does, for all tables."""

from __future__ import annotations

import math
import re

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_PADDED = re.compile(r"[+-]?0\d")


def read_number(text: str) -> float | None:
    """Return the number that a cell is written as, or None.

    A number is in decimal notation and finite. 007 is none: whatever is padded with zeros is an id or a code, and would
    lose them. Neither are NaN, NA, 1_000 or 1,5.
    """
    if not _NUMBER.fullmatch(text) or _PADDED.match(text):
        return None
    number = float(text)
    return number if math.isfinite(number) else None
