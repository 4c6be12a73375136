"""Hashes of rows."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ml_monitor.monitoring.columns import category_column, number_column
from ml_monitor.monitoring.row_hashes import hash_rows


def test_equal_rows_have_equal_hashes_and_others_do_not() -> None:
    numbers = number_column([1.0, 1.0, 2.0, 1.0, None, None])
    labels = category_column(["a", "a", "a", "b", None, "a"])
    hashes = hash_rows([numbers, labels]).tolist()
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 5


def test_a_hash_depends_on_the_row_alone() -> None:
    labels = ["south", None, "north", "west"]
    hashes = hash_rows([category_column(labels), number_column([1, 2, 3, 4])])
    again = hash_rows([category_column(labels[2:]), number_column([3, 4])])
    assert hashes[2:].tolist() == again.tolist()


def test_zeros_of_both_signs_and_all_nans_are_the_same() -> None:
    hashes = hash_rows([number_column(np.array([0.0, -0.0, math.nan, -math.nan]))])
    assert hashes[0] == hashes[1]
    assert hashes[2] == hashes[3] != hashes[0]


def test_a_text_in_a_column_of_numbers_is_not_a_missing_cell() -> None:
    first, second = hash_rows([number_column(["x", None])])
    assert first != second


def test_values_that_change_places_change_the_hash() -> None:
    first, second = hash_rows([number_column([1, 2]), number_column([2, 1])])
    assert first != second


def test_a_million_different_rows_have_as_many_hashes() -> None:
    grid = np.arange(1000, dtype=np.float64)
    hashes = hash_rows([number_column(np.repeat(grid, 1000)), number_column(np.tile(grid, 1000))])
    assert len(np.unique(hashes)) == 1_000_000


def test_no_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        hash_rows([])
