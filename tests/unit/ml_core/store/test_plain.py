"""Plain values are what JSON gives back as it was."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_core.store.plain import plain_object

LEAVES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | st.text(max_size=5)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner))


@given(st.dictionaries(st.text(max_size=3), VALUES, max_size=4))
def test_what_is_taken_comes_back_equal_and_what_is_refused_is_not_finite_or_no_text(content: dict[str, Any]) -> None:
    try:
        plain = plain_object("content", content)
    except ValueError as error:
        assert str(error).startswith("content")
        written = json.dumps(content)
        assert "NaN" in written or "Infinity" in written or "\\ud" in written
    else:
        assert plain == content
        assert json.loads(json.dumps(plain, allow_nan=False)) == plain


def test_what_comes_back_is_a_copy() -> None:
    content: dict[str, Any] = {"a": [1], "b": {"c": (2,)}}
    plain = plain_object("content", content)
    content["a"].append(3)
    assert plain == {"a": [1], "b": {"c": [2]}}


def test_the_place_of_a_number_that_is_not_finite_is_named_and_null_is_none_of_them() -> None:
    assert plain_object("details", {"a": None, "b": "null"}) == {"a": None, "b": "null"}
    with pytest.raises(ValueError, match=r"^details\.bounds\[1\]\.upper: expected a finite number, not inf$"):
        plain_object("details", {"bounds": ({"upper": None}, {"upper": math.inf})})
