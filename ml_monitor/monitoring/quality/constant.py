"""Constant column: a column that varied in the reference has one value only in the chunk, as a broken sensor gives.

Undefined for fewer than 10 values, which may be equal by chance. A column that is constant in the reference may be so.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ml_monitor.monitoring.columns import Column, NumberColumn
from ml_monitor.monitoring.quality.base import NO_REFERENCE, QualityCheck, Statistics
from ml_monitor.monitoring.results import Measured, Metric, Undefined

FEWEST_VALUES = 10


class Constant(QualityCheck):
    """1 if the column has become constant, else 0."""

    metric: ClassVar[Metric] = Metric("constant", "Constant column", "lower_is_better", lowest=0.0, highest=1.0)

    def _fit(self, reference: Column) -> dict[str, Any]:
        rows, varies = _look(reference)
        return {"rows": rows, "varies": varies}

    def _measure(self, statistics: Statistics, current: Column) -> Measured:
        rows, varies = _look(current)
        if not statistics["rows"]:
            return Measured(Undefined(NO_REFERENCE), rows=rows)
        if rows < FEWEST_VALUES:
            return Measured(Undefined(f"fewer than {FEWEST_VALUES} values in the chunk"), rows=rows)
        return Measured(float(statistics["varies"] and not varies), rows=rows)


def _look(column: Column) -> tuple[int, bool]:
    """Return the number of values that are not missing, and whether there are two different ones among them."""
    values = column.values if isinstance(column, NumberColumn) else column.codes
    known = values[~np.isnan(values)] if isinstance(column, NumberColumn) else values[values >= 0]
    return len(known), bool(len(known) and (known != known[0]).any())
