"""What is said of a field that pydantic refuses, in the words of the suite and not those of Python's types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_OBJECT, _LIST = "expected an object of names and values", "expected a list"
_SAID: Mapping[str, str] = {
    "extra_forbidden": "there is no such field",
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "dict_type": _OBJECT,
    "list_type": _LIST,
    "tuple_type": _LIST,
    "string_type": "expected a text",
    "time_delta_parsing": "expected an ISO 8601 duration, such as -P2D or PT1H",
    "time_delta_type": "expected an ISO 8601 duration, such as -P2D or PT1H",
}


_NUMBERS: Mapping[Any, str] = {
    int: "expected a whole number",
    int | None: "expected a whole number",
    float: "expected a number",
    float | None: "expected a number",
}


def refuse_boolean(value: object, kind: Any) -> object:
    """Return a value as it came; raise ``ValueError`` for true or false in a field whose type ``kind`` is a number.

    Pydantic would take them as 1 and 0.
    """
    if isinstance(value, bool) and kind in _NUMBERS:
        raise ValueError(f"{_NUMBERS[kind]}, not {'true' if value else 'false'}")
    return value


def said_of(problem: Mapping[str, Any]) -> str:
    """Return the message to one of the problems that ``ValidationError.errors()`` lists."""
    if problem["type"] == "too_short":
        return f"expected at least {problem['ctx']['min_length']} of them"
    message = _SAID.get(problem["type"]) or str(problem["msg"]).removeprefix("Value error, ")
    return message[0].lower() + message[1:]
