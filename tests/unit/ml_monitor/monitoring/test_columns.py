"""Typed columns out of plain values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_core.records import FeatureSpec
from ml_monitor.monitoring.columns import (
    CategoryColumn,
    Kind,
    NumberColumn,
    category_column,
    feature_columns,
    make_column,
    number_column,
)

CELLS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)


def labels_of(column: CategoryColumn) -> list[str | None]:
    return [None if code < 0 else column.labels[code] for code in column.codes]


def test_numbers_are_floats_and_what_is_no_number_is_nan_but_keeps_its_kind() -> None:
    column = number_column([1, 2.5, None, math.nan, "7", True, False, 10**400, -(10**400)])
    np.testing.assert_array_equal(column.values, [1, 2.5, *[math.nan] * 3, 1, 0, math.inf, -math.inf])
    assert [Kind(kind).name for kind in column.kinds] == [
        "NUMBER",
        "NUMBER",
        "MISSING",
        "MISSING",
        "TEXT",
        "BOOLEAN",
        "BOOLEAN",
        "NUMBER",
        "NUMBER",
    ]
    assert column.known().tolist() == [1, 2.5, 1, 0]


def test_an_array_of_floats_is_not_copied() -> None:
    values = np.array([1.0, math.nan])
    column = number_column(values)
    assert column.values is values
    assert column.kinds.tolist() == [Kind.NUMBER, Kind.MISSING]
    assert np.shares_memory(column[:1].values, values)


@pytest.mark.parametrize(
    "values",
    [
        np.array([1, 0, 1]),
        np.array([True, False, True]),
        np.array([1, 0, 1], dtype=np.float32),
        pd.Series([1, 0, 1], dtype="Int64"),
        pd.Series([True, False, True], dtype="boolean"),
        [np.int64(1), np.float64(0), np.bool_(True)],
    ],
    ids=["integers", "booleans", "single precision", "nullable", "nullable booleans", "scalars of numpy"],
)
def test_numbers_of_other_types_are_read(values: Any) -> None:
    assert number_column(values).values.tolist() == [1.0, 0.0, 1.0]


def test_the_missing_values_of_pandas_are_missing() -> None:
    assert number_column(pd.Series([1, None], dtype="Int64")).kinds.tolist() == [Kind.NUMBER, Kind.MISSING]
    assert category_column(pd.Series(["a", None], dtype="str")).kinds.tolist() == [Kind.TEXT, Kind.MISSING]


def test_categories_are_codes_into_sorted_labels() -> None:
    column = category_column(["south", "north", None, "south"])
    assert column.labels == ("north", "south")
    assert column.codes.tolist() == [1, 0, -1, 1]
    assert column.counts().tolist() == [1, 2]
    assert column[1:3].counts().tolist() == [1, 0]


def test_a_number_is_the_category_of_its_text_and_a_boolean_is_not_a_number() -> None:
    column = category_column([1, 1.0, "1", True, "true", 2.5, math.nan])
    assert labels_of(column) == ["1", "1", "1", "true", "true", "2.5", None]
    assert column.kinds.tolist()[2:4] == [Kind.TEXT, Kind.BOOLEAN]


def test_the_categories_of_pandas_are_taken_over() -> None:
    column = category_column(pd.Series(pd.Categorical(["b", None, "a"], categories=["b", "unused", "a"])))
    assert labels_of(column) == ["b", None, "a"]
    assert column.kinds.tolist() == [Kind.TEXT, Kind.MISSING, Kind.TEXT]


@given(st.lists(CELLS, max_size=20))
def test_columns_do_not_depend_on_the_order_of_rows(cells: list[Any]) -> None:
    forwards, backwards = category_column(cells), category_column(cells[::-1])
    assert forwards.labels == backwards.labels
    assert forwards.codes.tolist() == backwards.codes.tolist()[::-1]
    numbers, turned = number_column(cells), number_column(cells[::-1])
    np.testing.assert_array_equal(numbers.values, turned.values[::-1])
    assert numbers.kinds.tolist() == turned.kinds.tolist()[::-1] == forwards.kinds.tolist()


@given(st.lists(CELLS, max_size=20))
def test_each_cell_is_read_as_it_would_be_alone(cells: list[Any]) -> None:
    assert labels_of(category_column(cells)) == [
        label for cell in cells for label in labels_of(category_column([cell]))
    ]
    alone = [number_column([cell]).values[0] for cell in cells]
    np.testing.assert_array_equal(number_column(cells).values, alone)


def test_features_become_columns_of_the_kinds_that_the_model_names() -> None:
    rows: list[dict[str, Any]] = [{"rooms": 3, "district": "north"}, {"district": 7}, {"rooms": "4", "other": 1}]
    columns = feature_columns(rows, [FeatureSpec("rooms", "number"), FeatureSpec("district", "category")])
    assert list(columns) == ["rooms", "district"]
    rooms, district = columns["rooms"], columns["district"]
    assert isinstance(rooms, NumberColumn) and isinstance(district, CategoryColumn)
    np.testing.assert_array_equal(rooms.values, [3, math.nan, math.nan])
    assert rooms.kinds.tolist() == [Kind.NUMBER, Kind.MISSING, Kind.TEXT]
    assert labels_of(district) == ["north", "7", None]


def test_without_a_models_word_a_column_is_of_numbers_if_nothing_speaks_against_it() -> None:
    columns = feature_columns([{"b": 1, "a": "x", "c": True}, {"b": None, "a": 2, "d": None}])
    assert {name: type(column) for name, column in columns.items()} == {
        "a": CategoryColumn,
        "b": NumberColumn,
        "c": CategoryColumn,
        "d": NumberColumn,
    }
    assert {len(column) for column in columns.values()} == {2}


def test_no_rows_make_empty_columns() -> None:
    assert feature_columns([]) == {}
    assert len(feature_columns([], [FeatureSpec("rooms", "number")])["rooms"]) == 0
    assert [len(make_column([], kind)) for kind in ("number", "category")] == [0, 0]


@pytest.mark.parametrize(("values", "message"), [([[1]], "not list"), (np.zeros((2, 2)), "one dimension, not 2")])
def test_what_is_no_column_is_refused(values: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        number_column(values)
