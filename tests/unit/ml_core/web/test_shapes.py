"""Fields of JSON bodies: what each takes, and the one message for all it does not."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from ml_core.records import MODEL_NAME
from ml_core.web.shapes import (
    Body,
    FeatureField,
    FeatureRowsField,
    NameField,
    NumberField,
    TimeField,
    ValueField,
)
from tests.factories import NOON

NUMBER = "expected a finite number"
VALUE = "expected a finite number or a label (text)"
FEATURE = "expected a finite number, text, true, false or null"
ROW = "expected an object of features by name, or a list of them"
ROWS = "expected at least one row of features"
TIME = "expected an ISO 8601 time with a UTC offset, such as 2026-11-20T18:00:00Z"
NAME = "expected 1 to 64 letters, digits, '_', '.' or '-', starting with a letter or digit"

LARGEST = 1.7976931348623157e308
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def described(case: object) -> str:
    """Return a name for a case that is the same in every process: without the addresses of functions."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(case))


def read(field: Any, value: Any) -> Any:
    return TypeAdapter(field).validate_python(value)


def refusal(field: Any, value: Any) -> str:
    """Return what is said when a field does not take a value."""
    with pytest.raises(ValidationError) as caught:
        read(field, value)
    (problem,) = caught.value.errors()
    return problem["msg"].removeprefix("Value error, ")


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        (NumberField, 0, 0.0),
        (NumberField, -1.5, -1.5),
        (NumberField, LARGEST, LARGEST),
        (NumberField, 2**64 - 1, float(2**64 - 1)),
        (NumberField, 10**300, 1e300),
        (ValueField, 1, 1.0),
        (ValueField, "fraud", "fraud"),
        (ValueField, "", ""),
        (FeatureField, 1, 1),
        (FeatureField, 2.5, 2.5),
        (FeatureField, True, True),
        (FeatureField, None, None),
        (FeatureField, "a", "a"),
        (FeatureRowsField, {"rooms": 4}, [{"rooms": 4}]),
        (FeatureRowsField, [{"rooms": 4}, {"rooms": None}], [{"rooms": 4}, {"rooms": None}]),
        (FeatureRowsField, {}, [{}]),
        (TimeField, "2026-11-20T12:00:00Z", NOON),
        (TimeField, "2026-11-20T21:00:00.5+09:00", NOON + timedelta(seconds=0.5)),
        (NameField, "housing_price", "housing_price"),
        (NameField, "9", "9"),
    ],
    ids=described,
)
def test_a_field_takes_what_it_is_for(field: Any, value: Any, expected: Any) -> None:
    found = read(field, value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        *[(NumberField, value, NUMBER) for value in ("1", "", None, True, False, [], [1], {}, math.nan, math.inf)],
        *[(NumberField, value, NUMBER) for value in (-math.inf, 10**309, -(10**400))],
        *[(ValueField, value, VALUE) for value in (None, True, False, [], {}, math.nan, math.inf, 10**309)],
        *[(FeatureField, value, FEATURE) for value in ([], {}, math.nan, -math.inf, 10**309)],
        (FeatureRowsField, [], ROWS),
        *[(FeatureRowsField, value, ROW) for value in (None, True, 1, "a")],
        (FeatureRowsField, [{"a": 1}, 5], f"row 1: {ROW}"),
        (FeatureRowsField, [[]], f"row 0: {ROW}"),
        (FeatureRowsField, [None], f"row 0: {ROW}"),
        (FeatureRowsField, {"a": 1, "b": []}, f"b: {FEATURE}"),
        (FeatureRowsField, [{"a": 1}, {"a": {"b": 1}}], f"row 1: a: {FEATURE}"),
        (FeatureRowsField, {"a": math.nan}, f"a: {FEATURE}"),
        *[(TimeField, value, TIME) for value in (None, 1795176000, 1.5, True, [], {}, "", "noon", "2026-11-20")],
        *[(TimeField, value, TIME) for value in ("2026-11-20T12:00:00", "0001-01-01T00:00:00+14:00")],
        *[(NameField, value, NAME) for value in (None, 1, True, [], "", "a b", "_a", "../a", "a" * 65, "a\n")],
    ],
    ids=described,
)
def test_a_field_takes_nothing_else_and_says_what_was_expected(field: Any, value: Any, said: str) -> None:
    assert refusal(field, value) == said


def test_the_name_of_a_wrong_feature_is_shown_no_further_than_its_start() -> None:
    assert refusal(FeatureRowsField, {"a" * 10_000: []}) == f"{'a' * 64}: {FEATURE}"


@given(JSON_VALUES)
def test_whatever_json_holds_is_taken_or_refused_by_every_field(value: Any) -> None:
    for field in (NumberField, ValueField, FeatureField, FeatureRowsField, TimeField, NameField):
        try:
            read(field, value)
        except ValidationError as error:
            assert len(error.errors()) == 1


@given(JSON_VALUES)
def test_what_is_taken_as_a_feature_can_be_stored_and_read_back(value: Any) -> None:
    try:
        taken = read(FeatureField, value)
    except ValidationError:
        return
    assert orjson.loads(orjson.dumps(taken)) == taken


# Bodies


class Sample(Body):
    """A body of one field."""

    number: NumberField


@pytest.mark.parametrize("body", [{}, {"number": 1, "nmuber": 2}, {"Number": 1}])
def test_a_body_must_hold_its_keys_and_no_others(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Sample.model_validate(body)


def test_a_body_does_not_change_once_it_is_read() -> None:
    with pytest.raises(ValidationError):
        Sample(number=1).number = 2


# What the OpenAPI document says of them


@pytest.mark.parametrize(
    ("field", "schema"),
    [
        (NumberField, {"type": "number"}),
        (ValueField, {"anyOf": [{"type": "number"}, {"type": "string"}]}),
        (TimeField, {"type": "string", "format": "date-time"}),
        (NameField, {"type": "string", "pattern": f"^{MODEL_NAME.pattern}$"}),
    ],
)
def test_the_document_tells_the_type_on_the_wire(field: Any, schema: dict[str, Any]) -> None:
    assert TypeAdapter(field).json_schema() == schema


def test_the_document_tells_one_row_from_many() -> None:
    one, many = TypeAdapter(FeatureRowsField).json_schema()["anyOf"]
    assert many == {"type": "array", "items": one, "minItems": 1}
    assert {kind["type"] for kind in one["additionalProperties"]["anyOf"]} == {"number", "string", "boolean", "null"}
