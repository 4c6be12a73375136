"""The kinds of values that settings take, each with what is said of one that does not fit."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field


def _text_like(pattern: str, expected: str) -> AfterValidator:
    """Return a check that says in words what was expected, where pydantic would show the expression."""
    form = re.compile(pattern)

    def check(text: str) -> str:
        if form.fullmatch(text) is None:
            raise ValueError(f"expected {expected}, not {text[:60]!r}")
        return text

    return AfterValidator(check)


MaskedFeature = Annotated[
    str,
    _text_like(r"[^.]+\..+", "model.feature, or *.feature for every model, such as payment_fraud.localTime"),
]
DatabaseName = Annotated[str, _text_like(r"[A-Za-z0-9_]{0,64}", "at most 64 letters, digits or '_'")]
InstanceLimit = Annotated[
    str, _text_like(r"[^=]+=[0-9]+(\.[0-9]+)?", "an instance and its limit in percent, such as i-0abc=80")
]
Port = Annotated[int, Field(ge=1, le=65535)]
Workers = Annotated[int, Field(ge=1, le=64)]
Threads = Annotated[int, Field(ge=1, le=64)]
