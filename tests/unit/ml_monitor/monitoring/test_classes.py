"""When two labels are one class, and which class is the positive one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ml_core.errors import InvalidInput
from ml_monitor.monitoring.classes import encode, label_text, list_names, positive_class
from ml_monitor.monitoring.results import Undefined


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        (["1", 1, 1.0, True, np.float64(1), np.int8(1), np.True_, "1.0", "1.00"], "1"),
        (["0", 0, 0.0, -0.0, False, "-0"], "0"),
        ([0.5, "0.5", "0.50"], "0.5"),
        ([-1, "-1", -1.0], "-1"),
    ],
)
def test_a_number_a_truth_value_and_a_plain_number_in_text_are_one_class(labels: list[Any], text: str) -> None:
    assert {label_text(label) for label in labels} == {text}


@pytest.mark.parametrize("text", ["01", "1e0", "True", "true", " 1", "+1", "1.", ".5", "nan", "inf", "٣", "Ja", ""])
def test_any_other_text_stands_for_itself(text: str) -> None:
    assert label_text(text) == text


def test_long_digits_are_names_and_stay_apart() -> None:
    assert label_text("12345678901234567") != label_text("12345678901234568")
    assert label_text(12345678901234567) != label_text(12345678901234568)


@example(10**15)
@example(2**53)
@example(2.0**53)
@given(st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(), st.text(), st.booleans()))
def test_the_text_of_a_label_is_its_own_text(label: Any) -> None:
    assert label_text(label_text(label)) == label_text(label)


def test_classes_are_numbers_in_order_and_then_texts_in_order() -> None:
    classes = encode("truths", np.array(["b", 10, "9", 2.0, "a", 9, "nan"], dtype=object))
    assert classes.names == ("2", "9", "10", "a", "b", "nan")
    assert [classes.names[code] for code in classes.codes] == ["b", "10", "9", "2", "a", "9", "nan"]


def test_no_labels_have_no_classes() -> None:
    classes = encode("truths", np.array([]))
    assert (classes.names, len(classes.codes)) == ((), 0)


def test_what_is_neither_number_nor_text_is_refused() -> None:
    with pytest.raises(InvalidInput, match="truths: expected numbers or texts"):
        encode("truths", np.array([{}, {}], dtype=object))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("0", "1"), "1"),
        (("0",), "1"),
        (("1",), "1"),
        (("-1", "1"), "1"),
        (("False", "True"), "True"),
        (("No",), "yes"),
        (("no", "yes"), "yes"),
    ],
)
def test_the_positive_class_is_known_by_name(names: tuple[str, ...], expected: str) -> None:
    assert positive_class(names) == expected


@pytest.mark.parametrize("names", [("fraud", "honest"), ("0", "2"), ("0", "yes"), ("2",)])
def test_names_that_could_be_meant_either_way_leave_it_unknown(names: tuple[str, ...]) -> None:
    assert positive_class(names) == Undefined(f"the positive class is not known among {', '.join(names)}")


def test_only_a_few_names_are_listed_and_long_ones_are_cut() -> None:
    assert list_names(tuple("abcdefg")) == "a, b, c, d, e and 2 more"
    assert list_names(("x" * 1000,)) == "x" * 39 + "…"
