"""Missing share: how many cells of a column hold nothing. None, NaN and a name that a row lacks are missing."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ml_monitor.monitoring.columns import Column, Kind
from ml_monitor.monitoring.quality.base import QualityCheck, Statistics, share
from ml_monitor.monitoring.results import Measured, Metric


class Missing(QualityCheck):
    """The share of missing cells, 0..1; the reference's own share is kept for thresholds."""

    metric: ClassVar[Metric] = Metric("missing", "Missing values", "lower_is_better", lowest=0.0, highest=1.0)

    def _fit(self, reference: Column) -> dict[str, Any]:
        return {"rows": len(reference), "missing": _missing(reference)}

    def _measure(self, statistics: Statistics, current: Column) -> Measured:
        return share(_missing(current), len(current))


def _missing(column: Column) -> int:
    return int(np.count_nonzero(column.kinds == Kind.MISSING))
