"""Jensen-Shannon distance: how well one could tell from a value's bin on which side it was drawn.

d = sqrt((KL(p | m) + KL(q | m)) / 2) with m = (p + q) / 2 and logarithms of base 2, in 0..1. Numbers fall into bins of
equal width by Doane's rule on the reference, and one bin beyond on each side; of categories each label is a bin.
Source: scipy.spatial.distance.jensenshannon(base=2); bins as in NannyML. Others use base e, which gives
sqrt(ln 2) = 0.83 times the value, or bins of both sides together.

Use it to compare columns of any kind by one measure. Small chunks lie far off by chance (1,000 rows in 21 bins by about
0.055), so a threshold belongs to a chunk size. It is blind to what moves inside a bin, which one value far out can make
very wide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ml_monitor.monitoring.drift.binned import BinnedMethod
from ml_monitor.monitoring.results import Metric


@dataclass(frozen=True, slots=True)
class JensenShannon(BinnedMethod):
    """The distance in 0..1."""

    metric: ClassVar[Metric] = Metric(
        "jensen_shannon", "Jensen-Shannon distance", "lower_is_better", lowest=0.0, highest=1.0
    )
    is_symmetric: ClassVar[bool] = True

    def _distance(self, reference: NDArray[np.float64], current: NDArray[np.float64]) -> float:
        middle = (reference + current) / 2
        divergence = 0.0
        for shares in (reference, current):
            found = shares > 0
            divergence += float(np.sum(shares[found] * np.log2(shares[found] / middle[found]))) / 2
        return float(np.sqrt(np.clip(divergence, 0.0, 1.0)))  # rounding may lead a hair beyond
