"""A threshold set by hand: for a metric with a limit agreed on, such as "recall at least 0.9"."""

from __future__ import annotations

from ml_monitor.monitoring.inputs import refused
from ml_monitor.monitoring.results import Metric
from ml_monitor.monitoring.thresholds.base import Threshold


def fixed_threshold(metric: Metric, *, lower: float | None = None, upper: float | None = None) -> Threshold:
    """Return the threshold with these bounds, in units of the metric.

    Raises ``InvalidInput`` if the side on which the metric gets worse is left open, for it could never be crossed, and
    for a bound that no value of the metric can pass.
    """
    needed = {"higher_is_better": ("lower", lower), "lower_is_better": ("upper", upper)}.get(metric.direction)
    if needed and needed[1] is None:
        raise refused(needed[0], f"a bound, since {metric.name} gets worse on that side")
    if lower is None and upper is None:
        raise refused("lower", f"a lower or an upper bound of {metric.name}")
    if lower is not None and metric.lowest is not None and lower <= metric.lowest and upper is None:
        raise refused("lower", f"more than {metric.lowest}, which no value of {metric.name} is below")
    if upper is not None and metric.highest is not None and upper >= metric.highest and lower is None:
        raise refused("upper", f"less than {metric.highest}, which no value of {metric.name} is above")
    return Threshold(lower, upper, "fixed")
