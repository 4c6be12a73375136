"""Two readers of bodies, the fast one and the one that explains, take the same and refuse the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from anomaly_api.bodies import BodyRefused, PredictionBody, PredictionsBody, explain, read_prediction, read_predictions

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=6,
)
NUMBERS = st.lists(st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False), max_size=4)


def bodies(vectors: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    known = st.fixed_dictionaries(
        {}, optional={vectors: values | ANYTHING, "score": st.booleans() | ANYTHING, "explain": st.booleans()}
    )
    return known | ANYTHING


def is_taken(shape: type[BaseModel], content: Any) -> bool:
    try:
        shape.model_validate(content)
    except ValidationError:
        return False
    return True


@examples(max_examples=300, deadline=None, derandomize=True, database=None)
@given(content=bodies("feature_vector", NUMBERS))
def test_both_take_the_same_single_rows(content: Any) -> None:
    raw = json.dumps(content).encode()
    try:
        body = read_prediction(raw)
    except BodyRefused as refused:
        assert refused.problems
        assert all(problem["loc"][0] == "body" and problem["msg"] for problem in refused.problems)
        assert not is_taken(PredictionBody, json.loads(raw))
    else:
        assert is_taken(PredictionBody, json.loads(raw))
        assert body.feature_vector == [float(number) for number in content["feature_vector"]]


@examples(max_examples=200, deadline=None, derandomize=True, database=None)
@given(content=bodies("feature_vectors", st.lists(NUMBERS, max_size=3)))
def test_both_take_the_same_many_rows(content: Any) -> None:
    raw = json.dumps(content).encode()
    try:
        body = read_predictions(raw)
    except BodyRefused:
        assert not is_taken(PredictionsBody, json.loads(raw))
    else:
        # That there must be a row is said by the route, for the fast reader cannot.
        assert is_taken(PredictionsBody, json.loads(raw)) or body.feature_vectors == []


@pytest.mark.parametrize("raw", [b"\xff\xfe", b'{"feature_vector": "\xff"}', b"\x00", b"[" * 2000, b'{"a": "\\ud800"}'])
def test_bytes_that_are_no_json_are_refused_with_the_place(raw: bytes) -> None:
    with pytest.raises(BodyRefused) as caught:
        read_prediction(raw)
    (problem,) = caught.value.problems
    assert problem["type"] == "json_invalid"
    assert isinstance(problem["loc"][1], int)
    assert caught.value.details[0].field == "body"


def test_a_refusal_names_fields_as_paths() -> None:
    refused = explain(b'{"feature_vectors": [[1, 2], [3, null]]}', PredictionsBody)
    assert [detail.field for detail in refused.details] == ["feature_vectors[1][1]"]
    assert refused.message == "the request does not fit: feature_vectors[1][1]"


def test_no_more_than_a_hundred_problems_are_told() -> None:
    raw = json.dumps({"feature_vector": ["x"] * 500}).encode()
    assert len(explain(raw, PredictionBody).problems) == 100


def test_a_number_too_large_for_float64_is_refused() -> None:
    for text in (b"1e309", b"-1e309", b"1" + b"0" * 400):
        with pytest.raises(BodyRefused):
            read_prediction(b'{"feature_vector": [%b, 2]}' % text)
