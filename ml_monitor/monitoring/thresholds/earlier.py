"""A threshold learnt from the chunks before: for what has no reference sample, such as the forecasts of a series.

Median plus and minus k robust standard deviations (1.4826 times the median absolute deviation; Hampel 1974, *The
influence curve and its role in robust estimation*) of the metric on the last chunks before the one that is judged. An
outage among them moves neither, and half of them must be bad before bad becomes usual. The scatter is never taken for
smaller than the chunks' own standard errors: a few chunks may lie close together by luck.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ml_monitor.monitoring.inputs import refused
from ml_monitor.monitoring.results import Measured, Metric, Undefined
from ml_monitor.monitoring.thresholds.base import Threshold
from ml_monitor.monitoring.thresholds.learnt import clip

FEWEST_EARLIER = 7
MOST_EARLIER = 28
_TO_DEVIATION = 1.4826


def learn_from_earlier(
    earlier: Sequence[Measured], metric: Metric, *, deviations: float = 3.0
) -> Threshold | Undefined:
    """Return the bounds from a metric's values on earlier chunks, oldest first, clipped to the metric's limits.

    At most the last 28 that have a value count. Undefined with fewer than 7 of them; raises ``InvalidInput`` unless
    ``deviations`` is above 0. Which chunks are earlier is for the caller to know.
    """
    if not deviations > 0:
        raise refused("deviations", f"a number above 0, not {deviations}")
    defined = [each for each in earlier if not isinstance(each.value, Undefined)][-MOST_EARLIER:]
    if len(defined) < FEWEST_EARLIER:
        return Undefined(f"{len(defined)} earlier chunks have a value, at least {FEWEST_EARLIER} are needed")
    values = np.array([each.value for each in defined], dtype=np.float64)
    errors = [each.standard_error for each in defined if each.standard_error is not None]
    median = float(np.median(values))
    scatter = _TO_DEVIATION * float(np.median(np.abs(values - median)))
    if errors:
        scatter = max(scatter, float(np.median(errors)))
    # The median of n chunks is itself off by about scatter * sqrt(pi / 2n): a new chunk scatters around it by more.
    reach = deviations * scatter * float(np.sqrt(1 + np.pi / (2 * len(values))))
    lower, upper = clip(median - reach, metric), clip(median + reach, metric)
    details = {"deviations": deviations, "chunks": len(values), "median": median, "scatter": scatter}
    return Threshold(lower, upper, "earlier", details)
