"""L-infinity distance: the largest change of the share of any one bin.

d = max |p - q|, in 0..1. Of categories each label is a bin, unseen ones too (as in NannyML, which takes categories
only); numbers fall into the bins of the Jensen-Shannon distance.

Use it to find the one label that came or went. It does not see many small changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ml_monitor.monitoring.drift.binned import BinnedMethod
from ml_monitor.monitoring.results import Metric


@dataclass(frozen=True, slots=True)
class LInfinity(BinnedMethod):
    """The distance in 0..1."""

    metric: ClassVar[Metric] = Metric("l_infinity", "L-infinity distance", "lower_is_better", lowest=0.0, highest=1.0)
    is_symmetric: ClassVar[bool] = True

    def _distance(self, reference: NDArray[np.float64], current: NDArray[np.float64]) -> float:
        return float(np.max(np.abs(reference - current)))
