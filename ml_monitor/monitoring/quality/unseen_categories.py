"""Unseen categories: how many values bear a label that the reference did not have.

A model has learnt nothing about such a value. Of a reference with more than 10,000 labels the rarest are not known by
name, and nothing can be called unseen: undefined.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ml_monitor.monitoring.columns import CategoryColumn, Column, ColumnKind
from ml_monitor.monitoring.labels import MOST_LABELS, LabelCounts, count_labels
from ml_monitor.monitoring.quality.base import NO_REFERENCE, NO_VALUES, QualityCheck, Statistics, share
from ml_monitor.monitoring.results import Measured, Metric, Undefined


class UnseenCategories(QualityCheck):
    """The share among the values that are not missing, 0..1."""

    metric: ClassVar[Metric] = Metric(
        "unseen_categories", "Unseen categories", "lower_is_better", lowest=0.0, highest=1.0
    )
    suits: ClassVar[frozenset[ColumnKind]] = frozenset({"category"})

    def _fit(self, reference: Column) -> dict[str, Any]:
        assert isinstance(reference, CategoryColumn)
        return count_labels(reference).to_dict()

    def _measure(self, statistics: Statistics, current: Column) -> Measured:
        assert isinstance(current, CategoryColumn)
        seen = LabelCounts.from_dict(statistics)
        counts = current.counts()
        rows = int(counts.sum())
        if not seen.rows:
            return Measured(Undefined(NO_REFERENCE), rows=rows)
        if seen.pooled:
            return Measured(Undefined(f"the reference has more than {MOST_LABELS:,} labels"), rows=rows)
        if not rows:
            return Measured(Undefined(NO_VALUES))
        unseen = sum(int(counts[code]) for code in np.flatnonzero(counts) if not seen.has(current.labels[code]))
        return share(unseen, rows)
