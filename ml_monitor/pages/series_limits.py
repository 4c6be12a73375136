"""The limit of a series: the value that it should not reach, as a document that a page or another package wrote."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ml_core.errors import Conflict, FieldError, InvalidInput
from ml_core.store.base import Store

KIND = "series_limits"
OTHER_KINDS = ("cloudwatch-trials",)
"""Documents of other packages that name a ``series``, its ``limit`` and its ``unit`` among what they keep."""
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class SeriesLimit:
    """What a series should stay below, in ``unit``; ``is_own`` if it was set on its page."""

    limit: float
    unit: str = ""
    is_own: bool = True


def read_limits(store: Store) -> dict[str, SeriesLimit]:
    """Return the limits of all series that have one; what was set on a page beats what another package says."""
    found: dict[str, SeriesLimit] = {}
    for kind in OTHER_KINDS:
        for document in store.list_documents(kind):
            limit = _limit(document.content, is_own=False)
            if limit is not None and isinstance(document.content.get("series"), str):
                found[document.content["series"]] = limit
    for document in store.list_documents(KIND):
        limit = _limit(document.content, is_own=True)
        if limit is not None:
            found[document.key] = limit
    return found


def set_limit(store: Store, series: str, limit: str, unit: str) -> None:
    """Keep a limit for a series; an empty one removes it. Raises ``InvalidInput`` and ``Conflict``."""
    number = _number(limit) if limit else None
    for _ in range(_ATTEMPTS):
        document = store.get_document(KIND, series)
        if number is None:
            if document is None or store.delete_document(KIND, series, expected_revision=document.revision):
                return
            continue
        expected = document.revision if document else None
        content = {"limit": number, "unit": unit}
        if store.put_document(KIND, series, content, expected_revision=expected) is not None:
            return
    raise Conflict(f"the limit of {series} is changed by others all the time; try again")


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        message = f"expected a finite number, not {text[:40]!r}"
        raise InvalidInput(f"limit: {message}", [FieldError("limit", message)])
    return number


def _limit(content: Mapping[str, Any], *, is_own: bool) -> SeriesLimit | None:
    limit = content.get("limit")
    if isinstance(limit, bool) or not isinstance(limit, (int, float)):
        return None
    return SeriesLimit(float(limit), str(content.get("unit") or ""), is_own)
