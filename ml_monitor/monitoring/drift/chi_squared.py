"""Chi-squared test of a contingency table: labels by reference and chunk.

The statistic is the sum of (observed - expected)^2 / expected over all labels of both sides, expected under equal
shares; with two labels each |observed - expected| is first lessened by up to 0.5 (Yates). The p-value has labels - 1
degrees of freedom. Source: scipy.stats.chi2_contingency.

Use it for categories, by its p-value: the statistic itself grows with rows and labels. It is unreliable where many
labels are expected fewer than about 5 times. With one label on both sides nothing differs: 0, with p-value 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ml_monitor.monitoring.columns import Column, ColumnKind
from ml_monitor.monitoring.drift.base import ColumnMethod, categories_of
from ml_monitor.monitoring.labels import LabelCounts, count_labels
from ml_monitor.monitoring.results import Metric


@dataclass(frozen=True, slots=True)
class ChiSquared(ColumnMethod[LabelCounts]):
    """The statistic, 0 or more, with a p-value."""

    metric: ClassVar[Metric] = Metric("chi_squared", "Chi-squared statistic", "lower_is_better", lowest=0.0)
    suits: ClassVar[frozenset[ColumnKind]] = frozenset({"category"})
    is_symmetric: ClassVar[bool] = True

    def _fit(self, reference: Column) -> LabelCounts:
        return count_labels(categories_of(reference))

    def _measure(self, statistics: LabelCounts, current: Column) -> tuple[float, float | None]:
        from scipy.special import chdtrc  # type: ignore[import-untyped]

        observed = np.stack(statistics.beside(categories_of(current)))
        labels = observed.shape[1]
        if labels == 1:
            return 0.0, 1.0
        expected = observed.sum(axis=1, keepdims=True) * observed.sum(axis=0) / observed.sum()
        differences = np.abs(observed - expected)
        if labels == 2:
            differences -= np.minimum(0.5, differences)
        statistic = float(np.sum(differences**2 / expected))
        return statistic, float(chdtrc(labels - 1, statistic))
