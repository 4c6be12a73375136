"""A bounded, repeatable sample of rows: all that the domain classifier keeps of the reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ml_monitor.monitoring.columns import CategoryColumn, Column, Kind, NumberColumn, number_column
from ml_monitor.monitoring.row_hashes import hash_rows


@dataclass(frozen=True, slots=True, eq=False)
class RowSample:
    """Some rows of several columns, in the order of their hashes; infinite numbers are missing."""

    kind: ClassVar[str] = "row_sample"
    columns: Mapping[str, Column]

    @property
    def rows(self) -> int:
        """The number of rows in the sample."""
        return min((len(column) for column in self.columns.values()), default=0)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"kind": self.kind, "columns": {name: _plain(column) for name, column in self.columns.items()}}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RowSample:
        """Return what ``to_dict`` was made from."""
        return cls({name: _column(plain) for name, plain in values["columns"].items()})


def sample_rows(columns: Mapping[str, Column], most_rows: int) -> RowSample:
    """Take at most ``most_rows`` evenly spaced rows in the order of their hashes.

    The sample does not depend on the order of rows. Equal rows have equal hashes and lie side by side, so rows of each
    sort are taken in their proportion.
    """
    names = sorted(columns)
    if not names:
        return RowSample({})
    order = np.argsort(hash_rows(columns[name] for name in names), kind="stable")
    if len(order) > most_rows:
        order = order[np.arange(most_rows) * len(order) // most_rows]
    return RowSample({name: _compact(columns[name][order]) for name in names})


def _compact(column: Column) -> Column:
    """Return the column without the labels that do not occur and without infinite numbers."""
    if isinstance(column, NumberColumn):
        return number_column(np.where(np.isfinite(column.values), column.values, np.nan))
    used = np.flatnonzero(column.counts())
    codes = np.full(len(column.labels) + 1, -1, dtype=np.int64)
    codes[used] = np.arange(len(used))
    return _categories(codes[column.codes], tuple(column.labels[code] for code in used))


def _plain(column: Column) -> dict[str, Any]:
    if isinstance(column, NumberColumn):
        return {"values": [None if np.isnan(value) else float(value) for value in column.values]}
    return {"codes": column.codes.tolist(), "labels": list(column.labels)}


def _column(plain: Mapping[str, Any]) -> Column:
    if "values" in plain:
        return number_column(plain["values"])
    return _categories(np.array(plain["codes"], dtype=np.int64), tuple(plain["labels"]))


def _categories(codes: Any, labels: tuple[str, ...]) -> CategoryColumn:
    return CategoryColumn(codes, labels, np.where(codes < 0, Kind.MISSING, Kind.TEXT).astype(np.int8))
