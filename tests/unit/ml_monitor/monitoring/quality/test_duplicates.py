"""The share of rows that are there twice."""

from __future__ import annotations

import pytest

from ml_monitor.monitoring.columns import category_column, feature_columns, number_column
from ml_monitor.monitoring.quality.duplicates import Duplicates


def test_rows_are_equal_if_all_their_features_are() -> None:
    rows = [{"a": 1.0, "b": "x"}, {"a": 1.0, "b": "y"}, {"a": 1.0, "b": "x"}, {"a": None, "b": "x"}, {"b": "x"}]
    columns = feature_columns([*rows, rows[0]])
    assert Duplicates().fit(columns) == {"rows": 6, "duplicates": 3}
    assert Duplicates().measure({}, columns).value == 0.5


def test_a_zero_is_a_zero_of_either_sign() -> None:
    assert Duplicates().measure({}, {"a": number_column([0.0, -0.0])}).value == 0.5


def test_no_rows_and_no_columns_are_undefined() -> None:
    assert str(Duplicates().measure({}, {"a": number_column([])}).value) == "undefined: the chunk has no rows"
    assert str(Duplicates().measure({}, {}).value) == "undefined: the chunk has no rows"


def test_columns_of_two_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="one length, not 1 and 2"):
        Duplicates().measure({}, {"a": number_column([1.0]), "b": category_column(["x", "y"])})
