"""Typed columns out of plain values: what every method of drift and quality takes.

A column is a named array and nothing more, so a model's inputs, its values, its scores and its truths are all judged
by the same methods. Numbers are float64 with NaN where there is none; categories are codes into sorted labels. Beside
them each cell's kind is kept, so that a text where a number was expected is seen and not taken for a missing one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_core.records import Feature, FeatureSpec
from ml_monitor.formatting import label_of

Floats = NDArray[np.float64]
Rows = slice | NDArray[np.bool_] | NDArray[np.int64]
ColumnKind = Literal["number", "category"]


class Kind(IntEnum):
    """What one cell holds."""

    MISSING = 0
    NUMBER = 1
    TEXT = 2
    BOOLEAN = 3


@dataclass(frozen=True, slots=True, eq=False)
class NumberColumn:
    """Numbers; ``values`` is NaN where the cell is missing or a text. True and False count as 1 and 0."""

    values: Floats
    kinds: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, rows: Rows) -> NumberColumn:
        """Return some of the rows; of a slice, a view."""
        return NumberColumn(self.values[rows], self.kinds[rows])

    def known(self) -> Floats:
        """Return the finite values: infinity has no place on any scale, and is left to the check of ranges."""
        is_finite = np.isfinite(self.values)
        return self.values if is_finite.all() else self.values[is_finite]


@dataclass(frozen=True, slots=True, eq=False)
class CategoryColumn:
    """Categories; ``codes`` are places in ``labels``, -1 where missing. Labels are sorted, some may not occur."""

    codes: NDArray[np.int64]
    labels: tuple[str, ...]
    kinds: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, rows: Rows) -> CategoryColumn:
        """Return some of the rows; of a slice, a view."""
        return CategoryColumn(self.codes[rows], self.labels, self.kinds[rows])

    def counts(self) -> NDArray[np.int64]:
        """Return how often each label occurs, in the order of ``labels``."""
        return np.bincount(self.codes + 1, minlength=len(self.labels) + 1)[1:]


Column = NumberColumn | CategoryColumn


def number_column(values: Any) -> NumberColumn:
    """Make a column of numbers from a one-dimensional array, a Series or a sequence of cells.

    None, NaN and pandas' NA are missing. A text is no number, even if it could be read as one. An array of float64 is
    not copied.
    """
    cells = _cells(values)
    is_plain = cells.dtype.kind in "fiu" or (cells.dtype == object and set(map(type, cells)) <= _NUMBERS_OR_NONE)
    if is_plain:
        numbers = _floats(cells)
        return NumberColumn(numbers, (~np.isnan(numbers)).astype(np.int8))  # Kind.NUMBER is 1, Kind.MISSING 0
    cells = cells.astype(object)
    kinds = _kinds(cells)
    numbers = np.full(len(cells), np.nan)
    is_number = (kinds == Kind.NUMBER) | (kinds == Kind.BOOLEAN)
    numbers[is_number] = _floats(cells[is_number])
    return NumberColumn(numbers, kinds)


def category_column(values: Any) -> CategoryColumn:
    """Make a column of categories from a one-dimensional array, a Series or a sequence of cells.

    A number is the category of its shortest text, so that 1, 1.0 and "1" are one; True and False are ``true`` and
    ``false``.
    """
    if isinstance(values, pd.Series) and isinstance(values.dtype, pd.CategoricalDtype):
        kinds = _kinds(np.asarray(values.cat.categories, dtype=object))
        codes = values.cat.codes.to_numpy().astype(np.int64)
        labels = [_label(category) for category in values.cat.categories]
        return _with_sorted_labels(codes, labels, np.append(kinds, np.int8(Kind.MISSING))[codes])
    cells = _cells(values).astype(object)
    kinds = _kinds(cells)
    codes, labels = np.full(len(cells), -1, dtype=np.int64), list[str]()
    # Python holds 1, 1.0 and True for equal: kinds are encoded apart, else the first row would name the label.
    for kind in (Kind.TEXT, Kind.NUMBER, Kind.BOOLEAN):
        rows = slice(None) if (kinds == kind).all() else kinds == kind
        some = cells[rows]
        if len(some):
            places, distinct = pd.factorize(some if kind == Kind.TEXT else _floats(some))
            codes[rows] = places + len(labels)
            labels += [_label(bool(each) if kind == Kind.BOOLEAN else each) for each in distinct]
    return _with_sorted_labels(codes, labels, kinds)


def make_column(values: Any, kind: ColumnKind) -> Column:
    """Make a column of the kind that a model's ``FeatureSpec`` names."""
    return number_column(values) if kind == "number" else category_column(values)


def feature_columns(
    features: Sequence[Mapping[str, Feature]], specs: Iterable[FeatureSpec] | None = None
) -> dict[str, Column]:
    """Make columns out of one mapping of features for each row; a name that a row lacks is missing there.

    Without ``specs`` all names that occur become columns, in order: of numbers if all that is known of them are
    numbers, else of categories.
    """
    # pandas goes through the mappings row by row and in C: twice as fast as asking all rows for one name after another.
    if specs is not None:
        kinds = {spec.name: spec.kind for spec in specs}
        cells = pd.DataFrame(list(features), columns=list(kinds), dtype=object)
        return {name: make_column(cells[name].to_numpy(), kind) for name, kind in kinds.items()}
    cells = pd.DataFrame(list(features), dtype=object)
    columns: dict[str, Column] = {}
    for name in sorted(cells.columns):
        column = number_column(cells[name].to_numpy())
        is_number = np.isin(column.kinds, (Kind.MISSING, Kind.NUMBER)).all()
        columns[name] = column if is_number else category_column(cells[name].to_numpy())
    return columns


def kind_of(column: Column) -> ColumnKind:
    """Return the kind that the column was made as."""
    return "number" if isinstance(column, NumberColumn) else "category"


def _cells(values: Any) -> NDArray[Any]:
    """Return the cells as they are: numpy would make texts of numbers that stand beside a text."""
    if isinstance(values, pd.Series):
        values = values.to_numpy(dtype=object if pd.api.types.is_extension_array_dtype(values.dtype) else None)
    cells: NDArray[Any]
    if isinstance(values, np.ndarray):
        cells = values
    else:
        cells = np.empty(len(values), dtype=object)
        cells[:] = values
    if cells.ndim != 1:
        raise ValueError(f"values: expected one dimension, not {cells.ndim}")
    return cells


_NUMBERS_OR_NONE: set[type] = {float, int, type(None)}
_KINDS: dict[type, Kind] = {float: Kind.NUMBER, int: Kind.NUMBER, str: Kind.TEXT, bool: Kind.BOOLEAN}


def _kinds(cells: NDArray[Any]) -> NDArray[np.int8]:
    types = list(map(type, cells))
    distinct = set(types)
    known = {each: _kind_of_type(each) for each in distinct}
    if len(set(known.values())) == 1:
        kinds = np.full(len(cells), next(iter(known.values())), dtype=np.int8)
    else:
        kinds = np.fromiter(map(known.__getitem__, types), np.int8, len(cells))
    if any(issubclass(each, (float, np.floating)) for each in distinct):
        numbers = np.flatnonzero(kinds == Kind.NUMBER)
        kinds[numbers[np.isnan(_floats(cells[numbers]))]] = Kind.MISSING
    return kinds


def _kind_of_type(cell: type) -> Kind:
    if cell in _KINDS:
        return _KINDS[cell]
    if issubclass(cell, np.bool_):
        return Kind.BOOLEAN
    if issubclass(cell, (np.integer, np.floating, float)):
        return Kind.NUMBER
    if issubclass(cell, str):
        return Kind.TEXT
    if cell in (type(None), type(pd.NA), type(pd.NaT)):
        return Kind.MISSING
    raise ValueError(f"values: expected numbers, texts, booleans or None, not {cell.__name__}")


def _floats(cells: NDArray[Any]) -> Floats:
    try:
        return cells.astype(np.float64, copy=False)
    except OverflowError:  # an integer of more than 308 digits
        return np.array([_float(cell) for cell in cells])


def _float(cell: float) -> float:
    try:
        return float(cell)
    except OverflowError:
        return np.inf if cell > 0 else -np.inf


def _label(value: Any) -> str:
    return str(value).lower() if isinstance(value, (bool, np.bool_)) else label_of(value)


def _with_sorted_labels(codes: NDArray[np.int64], labels: Sequence[str], kinds: NDArray[np.int8]) -> CategoryColumn:
    """Renumber the codes, so that they do not depend on the order of rows and equal labels have one code."""
    in_order = sorted(set(labels))
    places = {label: place for place, label in enumerate(in_order)}
    new_codes = np.array([places[label] for label in labels] + [-1], dtype=np.int64)
    return CategoryColumn(new_codes[codes], tuple(in_order), kinds)
