"""Columns as arrays: what is missing, what is a number, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_core.errors import InvalidInput
from ml_monitor.monitoring.inputs import as_numbers, is_missing, one_dimension


@pytest.mark.parametrize(
    "column",
    [
        [1, None, 2.5],
        np.array([1.0, math.nan, 2.5]),
        pd.Series([1.0, None, 2.5]),
        pd.Series([1, None, 2.5], dtype=object),
        pd.Series([1, None, 2.5], dtype="Float64"),
        pd.Series(["1", None, "2.5"]),
        pd.Series(["1", None, "2.5"], dtype="category"),
    ],
)
def test_a_column_of_any_type_is_read_as_numbers_with_what_is_missing(column: Any) -> None:
    array = one_dimension("truths", column, 3)
    assert is_missing(array).tolist() == [False, True, False]
    numbers = as_numbers(array)
    assert numbers.dtype == np.float64
    assert numbers[[0, 2]].tolist() == [1.0, 2.5]
    assert math.isnan(numbers[1])


@pytest.mark.parametrize("column", [[True, False], np.array([1, 0], dtype=np.int8), [1, 0]])
def test_whole_numbers_and_truth_values_are_never_missing(column: Any) -> None:
    array = one_dimension("truths", column)
    assert not is_missing(array).any()
    assert as_numbers(array).tolist() == [1.0, 0.0]


def test_what_is_no_number_is_nan_but_not_missing() -> None:
    array = one_dimension("truths", ["many", 3, math.inf])
    assert is_missing(array).tolist() == [False, False, False]
    assert np.isnan(as_numbers(array)).tolist() == [True, False, False]


def test_a_list_of_numbers_and_texts_keeps_its_numbers() -> None:
    assert one_dimension("truths", [1, "a"]).tolist() == [1, "a"]


@pytest.mark.parametrize("column", [[[1, 2]], 5, [[1], [1, 2]], pd.DataFrame({"a": [1], "b": [2]})])
def test_more_or_less_than_one_dimension_is_refused(column: Any) -> None:
    with pytest.raises(InvalidInput, match="scores: expected one dimension"):
        one_dimension("scores", column)


def test_another_length_is_refused_by_name() -> None:
    with pytest.raises(
        InvalidInput, match=r"values: expected as many values as there are truths \(3\), not 2"
    ) as caught:
        one_dimension("values", [1, 2], 3)
    assert [detail.field for detail in caught.value.details] == ["values"]
