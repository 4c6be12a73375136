"""Out of range: how many numbers lie outside the least and the greatest of the reference; infinity always does.

A model answers such a row by guessing on from what it knows. A few are normal: on average
two in n + 1 new values lie outside what n values of the same distribution span.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ml_monitor.monitoring.columns import Column, ColumnKind, NumberColumn
from ml_monitor.monitoring.quality.base import NO_REFERENCE, NO_VALUES, QualityCheck, Statistics, share
from ml_monitor.monitoring.results import Measured, Metric, Undefined


class OutOfRange(QualityCheck):
    """The share among the values that are not missing, 0..1."""

    metric: ClassVar[Metric] = Metric("out_of_range", "Out of range", "lower_is_better", lowest=0.0, highest=1.0)
    suits: ClassVar[frozenset[ColumnKind]] = frozenset({"number"})

    def _fit(self, reference: Column) -> dict[str, Any]:
        assert isinstance(reference, NumberColumn)
        known = reference.known()
        if not len(known):
            return {"least": None, "greatest": None}
        # Adding 0.0 makes a zero of either sign the same, whichever came first.
        return {"least": float(np.min(known)) + 0.0, "greatest": float(np.max(known)) + 0.0}

    def _measure(self, statistics: Statistics, current: Column) -> Measured:
        assert isinstance(current, NumberColumn)
        values = current.values[~np.isnan(current.values)]
        if statistics["least"] is None:
            return Measured(Undefined(NO_REFERENCE), rows=len(values))
        if not len(values):
            return Measured(Undefined(NO_VALUES))
        is_outside = (values < statistics["least"]) | (values > statistics["greatest"])
        return share(int(np.count_nonzero(is_outside)), len(values))
