"""Plain values: what JSON holds and gives back as it was. Content of documents and details of metric points are so."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import orjson

from ml_core.store.deciding import show

# What orjson would write as a text, but not give back: a time comes back as something else in each store.
_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS


def plain_object(field: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of ``content`` as it will be read: lists for tuples, say.

    Raises ``ValueError`` that names ``field`` for what is not numbers, texts, true, false, null, lists or objects by
    name, and for NaN and infinities.
    """
    try:
        written = orjson.dumps(dict(content), option=_OPTIONS)
    except TypeError as error:
        message = "expected numbers, texts, true, false, null, and lists and objects of them"
        raise ValueError(f"{field}: {message}: {error}") from None
    if b"null" in written:  # orjson writes NaN and infinities so
        _refuse_infinite(field, content)
    read: dict[str, Any] = orjson.loads(written)
    return read


def _refuse_infinite(where: str, value: Any) -> None:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            _refuse_infinite(f"{where}.{name}", inner)
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            _refuse_infinite(f"{where}[{index}]", inner)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{where}: expected a finite number, not {show(value)}")
