"""How late truth comes and how much of it has come: what every realised metric rests on.

The delay is that of the truths received so far. The newest predictions can only have fast ones, so judge the delay of a
chunk whose coverage has stopped growing.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from ml_monitor.monitoring.inputs import Floats, refused
from ml_monitor.monitoring.performance import sampling
from ml_monitor.monitoring.results import Measured, Metric, Undefined

COVERAGE = Metric("label_coverage", "Share of predictions with truth", "higher_is_better", 0.0, 1.0)
MEDIAN_DELAY = Metric("label_delay_median_seconds", "Median delay of truth", "lower_is_better", 0.0)
LONG_DELAY = Metric("label_delay_p95_seconds", "95th percentile of the delay of truth", "lower_is_better", 0.0)
METRICS = (COVERAGE, MEDIAN_DELAY, LONG_DELAY)


def measure_labels(frame: pd.DataFrame) -> dict[str, Measured]:
    """Return the coverage and the delays of a chunk with columns ``time`` and ``truth_received_time`` (NaT: no truth).

    A truth that came before its prediction was recorded has no delay, 0. Raises ``InvalidInput`` if a column is missing
    or holds no aware times.
    """
    made, received = _times(frame, "time"), _times(frame, "truth_received_time")
    if not len(frame):
        return {metric.name: Measured(sampling.NO_ROWS) for metric in METRICS}
    has_truth = received.notna().to_numpy()
    delays = (received[has_truth] - made[has_truth]).dt.total_seconds().to_numpy(dtype=np.float64)
    ordered = np.sort(np.maximum(delays, 0.0))
    return {
        COVERAGE.name: sampling.of_share(len(ordered), len(frame)),
        MEDIAN_DELAY.name: quantile(ordered, 0.5),
        LONG_DELAY.name: quantile(ordered, 0.95),
    }


def quantile(ordered: Floats, level: float) -> Measured:
    """Return a quantile of ascending numbers, between two of them by straight line (``numpy.quantile``).

    Standard error by Woodruff 1952: half the distance between the numbers whose ranks lie one binomial standard
    deviation to either side. None where one of these ranks lies outside the sample, as for 95 % of fewer than 37 rows.
    """
    rows = len(ordered)
    if not rows:
        return Measured(Undefined("no ground truth"))
    spread = math.sqrt(rows * level * (1 - level))
    low, high = rows * level - 0.5 - spread, rows * level - 0.5 + spread
    error = None
    if low >= 0 and high <= rows - 1:
        below, above = np.interp([low, high], np.arange(rows), ordered)
        error = float(above - below) / 2
    return Measured(float(np.quantile(ordered, level)), error, rows)


def _times(frame: pd.DataFrame, name: str) -> pd.Series[Any]:
    if name not in frame.columns:
        raise refused(name, "a column of this name")
    column: pd.Series[Any] = frame[name]
    if not isinstance(column.dtype, pd.DatetimeTZDtype):
        raise refused(name, f"aware times, not {column.dtype}")
    return column
