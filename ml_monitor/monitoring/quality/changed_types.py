"""Changed types: how many values are of a type that the reference's column never had.

Types are number, text and boolean: numbers where texts were, texts where numbers were. The encoding in the model sees
another category in 1 than in "one", and no number at all in "12".
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ml_monitor.monitoring.columns import Column, Kind
from ml_monitor.monitoring.quality.base import NO_REFERENCE, NO_VALUES, QualityCheck, Statistics, share
from ml_monitor.monitoring.results import Measured, Metric, Undefined

_TYPES = (Kind.NUMBER, Kind.TEXT, Kind.BOOLEAN)


class ChangedTypes(QualityCheck):
    """The share among the values that are not missing, 0..1."""

    metric: ClassVar[Metric] = Metric("changed_types", "Changed types", "lower_is_better", lowest=0.0, highest=1.0)

    def _fit(self, reference: Column) -> dict[str, Any]:
        return {"types": [kind.name.lower() for kind, count in _counts(reference).items() if count]}

    def _measure(self, statistics: Statistics, current: Column) -> Measured:
        counts = _counts(current)
        rows = sum(counts.values())
        if not statistics["types"]:
            return Measured(Undefined(NO_REFERENCE), rows=rows)
        if not rows:
            return Measured(Undefined(NO_VALUES))
        return share(sum(count for kind, count in counts.items() if kind.name.lower() not in statistics["types"]), rows)


def _counts(column: Column) -> dict[Kind, int]:
    counts = np.bincount(column.kinds, minlength=len(Kind))
    return {kind: int(counts[kind]) for kind in _TYPES}
