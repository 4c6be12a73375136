"""Hellinger distance: the straight line between the square roots of the shares.

d = sqrt(sum (sqrt(p) - sqrt(q))^2) / sqrt(2), in 0..1, over the bins of the Jensen-Shannon distance. Definition and
bins as in NannyML.

Use it like Jensen-Shannon; it weighs rare bins more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ml_monitor.monitoring.drift.binned import BinnedMethod
from ml_monitor.monitoring.results import Metric


@dataclass(frozen=True, slots=True)
class Hellinger(BinnedMethod):
    """The distance in 0..1."""

    metric: ClassVar[Metric] = Metric("hellinger", "Hellinger distance", "lower_is_better", lowest=0.0, highest=1.0)
    is_symmetric: ClassVar[bool] = True

    def _distance(self, reference: NDArray[np.float64], current: NDArray[np.float64]) -> float:
        squares = np.sum((np.sqrt(reference) - np.sqrt(current)) ** 2)
        return float(np.sqrt(min(1.0, float(squares) / 2)))
