"""Population stability index: the sum of differences of shares, each weighed by its logarithm of growth.

PSI = sum (p - q) * ln(p / q), 0 or more. Numbers fall into ten bins of equal frequency in the reference, open at both
ends (of a column with at most 20 values each is a bin); of categories each label is a bin. A share below 0.0001 counts
as 0.0001, so that an empty bin does not make it infinite. Source: the usual definition in credit scoring; Evidently's
has about thirty bins of equal width over both sides together and other values in place of 0.

Use it where people know its rule of thumb: under 0.1 stable, over 0.25 changed. For small chunks it is about
bins / rows too high, and each new label adds much.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ml_monitor.monitoring.drift.binned import BinnedMethod
from ml_monitor.monitoring.drift.bins import NumberBins, equal_frequency_bins
from ml_monitor.monitoring.results import Metric

SMALLEST_SHARE = 0.0001


@dataclass(frozen=True, slots=True)
class PopulationStability(BinnedMethod):
    """The index, 0 or more."""

    metric: ClassVar[Metric] = Metric("psi", "Population stability index", "lower_is_better", lowest=0.0)
    is_symmetric: ClassVar[bool] = True

    def _fit_numbers(self, values: NDArray[np.float64]) -> NumberBins:
        return equal_frequency_bins(values)

    def _distance(self, reference: NDArray[np.float64], current: NDArray[np.float64]) -> float:
        reference, current = np.maximum(reference, SMALLEST_SHARE), np.maximum(current, SMALLEST_SHARE)
        return float(np.sum((reference - current) * np.log(reference / current)))
