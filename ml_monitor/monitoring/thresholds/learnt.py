"""A threshold learnt from the chunks of the reference: mean plus and minus k standard deviations (Shewhart 1931).

Use it when the chunks judged are as large as those of the reference. Do not use it for chunks of other sizes, since the
scatter of a metric falls with the rows of a chunk, nor to promise a rate of false alarms: a standard deviation of ten
chunks is itself off by a fifth. For both there is ``false_alarms``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ml_monitor.monitoring.inputs import refused
from ml_monitor.monitoring.results import Metric, Number, Undefined
from ml_monitor.monitoring.thresholds.base import Threshold

FEWEST_CHUNKS = 2


def learn_threshold(values: Sequence[Number], metric: Metric, *, deviations: float = 3.0) -> Threshold | Undefined:
    """Return the bounds from a metric's values on the chunks of the reference, clipped to the metric's limits.

    The standard deviation is that of the chunks themselves (ddof 0), as NannyML 0.13 has it. Chunks without a value do
    not count. Undefined with fewer than two that have one; raises ``InvalidInput`` unless ``deviations`` is above 0.
    """
    if not deviations > 0:
        raise refused("deviations", f"a number above 0, not {deviations}")
    defined = np.array([value for value in values if not isinstance(value, Undefined)], dtype=np.float64)
    if len(defined) < FEWEST_CHUNKS:
        return Undefined(f"{len(defined)} of {len(values)} reference chunks have a value, at least 2 are needed")
    mean, deviation = float(np.mean(defined)), float(np.std(defined))
    reach = deviations * deviation
    lower, upper = clip(mean - reach, metric), clip(mean + reach, metric)
    details = {"deviations": deviations, "chunks": len(defined), "mean": mean, "standard_deviation": deviation}
    return Threshold(lower, upper, "learnt", details)


def clip(bound: float, metric: Metric) -> float:
    """Return the bound, moved to the metric's limit if it lies outside."""
    if metric.lowest is not None:
        bound = max(bound, metric.lowest)
    if metric.highest is not None:
        bound = min(bound, metric.highest)
    return bound
