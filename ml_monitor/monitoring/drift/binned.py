"""What the distances between shares in bins have in common: each is one formula of two lists of shares."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ml_monitor.monitoring.columns import CategoryColumn, Column, ColumnKind
from ml_monitor.monitoring.drift.base import ColumnMethod, numbers_of
from ml_monitor.monitoring.drift.bins import NumberBins, equal_width_bins
from ml_monitor.monitoring.labels import LabelCounts, count_labels

Floats = NDArray[np.float64]


class BinnedMethod(ColumnMethod[NumberBins | LabelCounts]):
    """A distance between shares: numbers in bins of equal width by Doane's rule, categories by label."""

    suits: ClassVar[frozenset[ColumnKind]] = frozenset({"number", "category"})

    def _fit(self, reference: Column) -> NumberBins | LabelCounts:
        if isinstance(reference, CategoryColumn):
            return count_labels(reference)
        return self._fit_numbers(reference.known())

    def _fit_numbers(self, values: Floats) -> NumberBins:
        return equal_width_bins(values)

    def _measure(self, statistics: NumberBins | LabelCounts, current: Column) -> tuple[float, float | None]:
        if isinstance(statistics, LabelCounts):
            if not isinstance(current, CategoryColumn):
                raise ValueError("current: expected a column of categories as the reference was, not of numbers")
            ours, theirs = statistics.beside(current)
        else:
            ours, theirs = statistics.beside(numbers_of(current, "current").known())
        return self._distance(ours / ours.sum(), theirs / theirs.sum()), None

    @abstractmethod
    def _distance(self, reference: Floats, current: Floats) -> float:
        """Return the distance between two lists of shares, bin by bin, each of sum 1."""
