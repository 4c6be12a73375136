"""What all methods of drift are: fitted on the reference once, then asked how far each chunk lies from it.

``fit`` returns statistics: small plain values that are kept with the model version and used again, never the rows
themselves beyond a stated bound. ``measure`` returns a number or the reason why there is none, and never depends on the
order of rows. The public verbs check; the private ones hold the maths.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

import numpy as np

from ml_monitor.monitoring.columns import CategoryColumn, Column, ColumnKind, NumberColumn, kind_of
from ml_monitor.monitoring.results import Measured, Metric, Undefined

NO_REFERENCE = "the reference has no values"
NO_ROWS = "the chunk has no rows"
NO_VALUES = "all values of the chunk are missing"
TOO_LARGE = "the values are too large to reckon with"


@dataclass(frozen=True, slots=True)
class MeasuredDrift(Measured):
    """A distance, and where the method is a test, the chance of one as large if nothing had changed."""

    p_value: float | None = None


class Statistics(Protocol):
    """What a method keeps of the reference; ``kind`` says which class reads it back."""

    kind: ClassVar[str]

    @property
    def rows(self) -> int:
        """How many values of the reference it was made from; 0 if there were none to compare with."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return what ``to_dict`` was made from."""


S = TypeVar("S", bound=Statistics)


class ColumnMethod(ABC, Generic[S]):
    """A distance between the values of one column in the reference and in a chunk.

    ``suits`` names the kinds of columns that it takes, ``is_symmetric`` whether its formula is the same with reference
    and chunk exchanged; bins of numbers are always the reference's.
    """

    metric: ClassVar[Metric]
    suits: ClassVar[frozenset[ColumnKind]]
    is_symmetric: ClassVar[bool]

    def fit(self, reference: Column) -> S:
        """Return what is to be kept of the reference; raise ``ValueError`` for a kind that does not suit."""
        self._check(reference, "reference")
        with np.errstate(over="ignore", invalid="ignore"):  # what is too large comes out as undefined
            return self._fit(reference)

    def measure(self, statistics: S, current: Column) -> MeasuredDrift:
        """Return how far a chunk lies from the reference; raise ``ValueError`` for a kind that does not suit."""
        self._check(current, "current")
        rows = _known_rows(current)
        if not statistics.rows:
            return MeasuredDrift(Undefined(NO_REFERENCE), rows=rows)
        if not rows:
            return MeasuredDrift(Undefined(NO_VALUES if len(current) else NO_ROWS))
        with np.errstate(over="ignore", invalid="ignore"):
            value, p_value = self._measure(statistics, current)
        if not math.isfinite(value):
            return MeasuredDrift(Undefined(TOO_LARGE), rows=rows)
        return MeasuredDrift(value, rows=rows, p_value=p_value)

    @abstractmethod
    def _fit(self, reference: Column) -> S:
        """Fit; the column is of a kind that suits, and may hold nothing."""

    @abstractmethod
    def _measure(self, statistics: S, current: Column) -> tuple[float, float | None]:
        """Return distance and p-value; both sides have at least one value. What overflows comes out as not finite."""

    def _check(self, column: Column, name: str) -> None:
        if kind_of(column) not in self.suits:
            raise ValueError(
                f"{name}: {self.metric.name} takes columns of kind {' or '.join(sorted(self.suits))}, "
                f"not {kind_of(column)}"
            )


class TableMethod(ABC, Generic[S]):
    """A distance between several columns at once in the reference and in a chunk, so that what changes together shows.

    ``ideal`` is the value of a chunk without drift where that does not depend on the reference.
    """

    metric: ClassVar[Metric]
    ideal: ClassVar[float | None]

    def fit(self, reference: Mapping[str, Column]) -> S:
        """Return what is to be kept of the reference; raise ``ValueError`` for columns of unequal length."""
        _rows_of(reference, "reference")
        with np.errstate(over="ignore", invalid="ignore"):
            return self._fit(reference)

    def measure(self, statistics: S, current: Mapping[str, Column]) -> Measured:
        """Return how far a chunk lies from the reference; columns that the reference lacks are passed over.

        Raises ``ValueError`` for columns of unequal length, or of another kind than in the reference.
        """
        rows = _rows_of(current, "current")
        if not statistics.rows:
            return Measured(Undefined(NO_REFERENCE), rows=rows)
        lacking = [name for name in self._needs(statistics) if name not in current]
        if lacking:
            return Measured(Undefined(f"the chunk lacks the column {lacking[0]!r}"), rows=rows)
        if not rows:
            return Measured(Undefined(NO_ROWS))
        with np.errstate(over="ignore", invalid="ignore"):
            return self._measure(statistics, current)

    @abstractmethod
    def _fit(self, reference: Mapping[str, Column]) -> S:
        """Fit; the columns are of one length, and may hold nothing."""

    @abstractmethod
    def _needs(self, statistics: S) -> list[str]:
        """Return the names of the columns that the statistics speak of."""

    @abstractmethod
    def _measure(self, statistics: S, current: Mapping[str, Column]) -> Measured:
        """Measure; all columns are there, with at least one row."""


def numbers_of(column: Column, name: str = "column") -> NumberColumn:
    """Return the column as one of numbers; raise ``ValueError`` if it is of the other kind."""
    if not isinstance(column, NumberColumn):
        raise ValueError(f"{name}: expected a column of numbers, not of categories")
    return column


def categories_of(column: Column, name: str = "column") -> CategoryColumn:
    """Return the column as one of categories; raise ``ValueError`` if it is of the other kind."""
    if not isinstance(column, CategoryColumn):
        raise ValueError(f"{name}: expected a column of categories, not of numbers")
    return column


def _known_rows(column: Column) -> int:
    if isinstance(column, NumberColumn):
        return int(np.count_nonzero(np.isfinite(column.values)))
    return int(np.count_nonzero(column.codes >= 0))


def _rows_of(columns: Mapping[str, Column], name: str) -> int:
    lengths = {len(column) for column in columns.values()}
    if len(lengths) > 1:
        raise ValueError(f"{name}: expected columns of one length, not of {' and '.join(map(str, sorted(lengths)))}")
    return lengths.pop() if lengths else 0
