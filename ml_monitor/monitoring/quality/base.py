"""What all checks of quality are: fitted on the reference once, then asked what share of a chunk is wrong.

As in drift, ``fit`` returns small plain values for JSON, ``measure`` a number or the reason why there is none, and the
order of rows never matters. A share has the standard error of a binomial one.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from ml_monitor.monitoring.columns import Column, ColumnKind, kind_of
from ml_monitor.monitoring.results import Measured, Metric, Undefined

Statistics = Mapping[str, Any]

NO_ROWS = "the chunk has no rows"
NO_VALUES = "all values of the chunk are missing"
NO_REFERENCE = "the reference has no values"


class QualityCheck(ABC):
    """A check of one column; ``suits`` names the kinds of columns that it takes."""

    metric: ClassVar[Metric]
    suits: ClassVar[frozenset[ColumnKind]] = frozenset({"number", "category"})

    def fit(self, reference: Column) -> dict[str, Any]:
        """Return what is to be kept of the reference; raise ``ValueError`` for a kind that does not suit."""
        self._check(reference, "reference")
        return self._fit(reference)

    def measure(self, statistics: Statistics, current: Column) -> Measured:
        """Return what share of the chunk is wrong; raise ``ValueError`` for a kind that does not suit."""
        self._check(current, "current")
        return self._measure(statistics, current) if len(current) else Measured(Undefined(NO_ROWS))

    @abstractmethod
    def _fit(self, reference: Column) -> dict[str, Any]:
        """Fit; the column may hold nothing."""

    @abstractmethod
    def _measure(self, statistics: Statistics, current: Column) -> Measured:
        """Measure; the column has at least one row."""

    def _check(self, column: Column, name: str) -> None:
        if kind_of(column) not in self.suits:
            raise ValueError(
                f"{name}: {self.metric.name} takes columns of kind {' or '.join(sorted(self.suits))}, "
                f"not {kind_of(column)}"
            )


def share(found: int, rows: int) -> Measured:
    """Return ``found / rows`` with its standard error sqrt(p (1 - p) / n); rows is at least 1."""
    value = found / rows
    return Measured(value, math.sqrt(value * (1.0 - value) / rows), rows)
