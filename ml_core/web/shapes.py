"""The types of fields in JSON bodies, each with one message that says what was expected. No value is coerced."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema

from ml_core.clock import parse_time
from ml_core.records import MODEL_NAME, Feature, Value

_FEATURE_EXPECTED = "expected a finite number, text, true, false or null"
_TIME_EXPECTED = "expected an ISO 8601 time with a UTC offset, such as 2026-11-20T18:00:00Z"
_LARGEST = 1.7976931348623157e308  # of float64; JSON holds integers beyond it


class Body(BaseModel):
    """A JSON object; a key that is not listed is refused, so that a misspelt one is not silently ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AskingBody(Body):
    """Who asks, and why, for the history."""

    author: str = Field("", max_length=100)
    reason: str = Field("", max_length=500)


class ModelPath(BaseModel):
    """Which model."""

    model_id: str = Field(description="seed id (model1) or name")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= _LARGEST


def _number(value: Any) -> float:
    if not _is_number(value):
        raise ValueError("expected a finite number")
    return float(value)


def _value(value: Any) -> Value:
    if isinstance(value, str):
        return value
    if not _is_number(value):
        raise ValueError("expected a finite number or a label (text)")
    return float(value)


def _feature(value: Any) -> Feature:
    if not _is_feature(value):
        raise ValueError(_FEATURE_EXPECTED)
    return value  # type: ignore[no-any-return]


def _is_feature(value: Any) -> bool:
    return value is None or isinstance(value, (str, bool)) or _is_number(value)


def _feature_rows(value: Any) -> list[dict[str, Feature]]:
    rows = value if isinstance(value, list) else [value]
    if not rows:
        raise ValueError("expected at least one row of features")
    for index, row in enumerate(rows):
        where = f"row {index}: " if isinstance(value, list) else ""
        if not isinstance(row, dict):
            raise ValueError(f"{where}expected an object of features by name, or a list of them")
        for name, feature in row.items():
            if not _is_feature(feature):
                raise ValueError(f"{where}{name[:64]}: {_FEATURE_EXPECTED}")
    return rows


def _time(value: Any) -> datetime:
    if not isinstance(value, str):
        raise ValueError(_TIME_EXPECTED)
    try:
        return parse_time(value)
    except ValueError:  # its message repeats the text, and an answer never repeats the input
        raise ValueError(_TIME_EXPECTED) from None


def _name(value: Any) -> str:
    if not isinstance(value, str) or not MODEL_NAME.fullmatch(value):
        raise ValueError("expected 1 to 64 letters, digits, '_', '.' or '-', starting with a letter or digit")
    return value


_NUMBER = {"type": "number"}
_TEXT = {"type": "string"}

NumberField = Annotated[float, PlainValidator(_number), WithJsonSchema(_NUMBER)]
ValueField = Annotated[Value, PlainValidator(_value), WithJsonSchema({"anyOf": [_NUMBER, _TEXT]})]
_FEATURE = {"anyOf": [_NUMBER, _TEXT, {"type": "boolean"}, {"type": "null"}]}
FeatureField = Annotated[Feature, PlainValidator(_feature), WithJsonSchema(_FEATURE)]
_FEATURE_ROW = {"type": "object", "minProperties": 1, "additionalProperties": _FEATURE}
_FEATURE_ROWS = {"anyOf": [_FEATURE_ROW, {"type": "array", "items": _FEATURE_ROW, "minItems": 1}]}
FeatureRowsField = Annotated[list[dict[str, Feature]], PlainValidator(_feature_rows), WithJsonSchema(_FEATURE_ROWS)]
"""One row of features by name, or a list of rows; always a list once it is read."""
TimeField = Annotated[datetime, PlainValidator(_time), WithJsonSchema(_TEXT | {"format": "date-time"})]
NameField = Annotated[str, PlainValidator(_name), WithJsonSchema(_TEXT | {"pattern": f"^{MODEL_NAME.pattern}$"})]
