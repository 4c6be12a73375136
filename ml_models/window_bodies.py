"""The types of fields by which windows of traffic, and what is tracked of them, are sent."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, PlainValidator, WithJsonSchema

from ml_core.store.names import unfit_name
from ml_core.web.shapes import NumberField

_MOST_NAME_CHARACTERS = 64
_MOST_VALUES = 1000
EXPECTED_NAME = f"1 to {_MOST_NAME_CHARACTERS} characters without control characters, and no blank at either end"


def is_short_name(value: object) -> bool:
    """Return whether this can be the name of a link, a location, a metric or a prediction."""
    return isinstance(value, str) and len(value) <= _MOST_NAME_CHARACTERS and unfit_name(value) is None


def _short_name(value: Any) -> str:
    if not is_short_name(value):
        raise ValueError(f"expected text of {EXPECTED_NAME}")
    return str(value)


_NAME_SCHEMA = {"type": "string", "minLength": 1, "maxLength": _MOST_NAME_CHARACTERS}
ShortName = Annotated[str, PlainValidator(_short_name), WithJsonSchema(_NAME_SCHEMA)]
Values = Annotated[list[NumberField], Field(min_length=1, max_length=_MOST_VALUES)]
"""The values of a series, oldest first."""
