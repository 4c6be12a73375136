"""Kolmogorov-Smirnov: the largest difference between the two distribution functions, and its two-sided p-value.

D = sup |F_reference - F_chunk|. Up to ``exact_rows`` rows of reference D is exact; above, the reference is summed up by
points of equal weight, and D is off by at most 0.00025. Source: scipy.stats.ks_2samp, with its choice of p-value: exact
if neither side has more than 10,000 rows, else Smirnov's asymptotic one (kstwo).

Use it for numbers of any shape; it is blind to how far values moved. With many rows the p-value calls differences small
that mean nothing: look at D beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ml_monitor.monitoring.columns import Column, ColumnKind
from ml_monitor.monitoring.drift.base import ColumnMethod, numbers_of
from ml_monitor.monitoring.drift.points import EXACT_ROWS, Points, fit_points
from ml_monitor.monitoring.results import Metric

Floats = NDArray[np.float64]

_MOST_ROWS_FOR_EXACT_P = 10_000


@dataclass(frozen=True, slots=True)
class KolmogorovSmirnov(ColumnMethod[Points]):
    """The statistic D in 0..1, with a p-value."""

    metric: ClassVar[Metric] = Metric(
        "kolmogorov_smirnov", "Kolmogorov-Smirnov statistic", "lower_is_better", lowest=0.0, highest=1.0
    )
    suits: ClassVar[frozenset[ColumnKind]] = frozenset({"number"})
    is_symmetric: ClassVar[bool] = True

    exact_rows: int = EXACT_ROWS

    def _fit(self, reference: Column) -> Points:
        return fit_points(numbers_of(reference).known(), self.exact_rows)

    def _measure(self, statistics: Points, current: Column) -> tuple[float, float | None]:
        values = np.sort(numbers_of(current).known())
        statistic = _largest_difference(statistics, values)
        return statistic, _p_value(statistics, values, statistic)


def _largest_difference(points: Points, values: Floats) -> float:
    """Return D between points and sorted values, looking the fewer up among the more.

    Between two steps of one function the other only grows, so the extremes lie at a step or just before it.
    """
    if len(values) < len(points.values):
        up_to = np.searchsorted(points.values, values, side="right")
        is_step = (up_to > 0) & (points.values[up_to - 1] == values)
        theirs, before = points.shares[up_to], points.shares[up_to - is_step]
        own = np.arange(len(values) + 1) / len(values)
        return max(0.0, float(np.max(own[1:] - theirs)), float(np.max(before - own[:-1])))
    steps = points.shares
    at = np.searchsorted(values, points.values, side="right") / len(values)
    before = np.searchsorted(values, points.values, side="left") / len(values)
    return max(float(np.max(np.abs(steps[1:] - at))), float(np.max(np.abs(steps[:-1] - before))))


def _p_value(points: Points, values: Floats, statistic: float) -> float:
    from scipy import stats  # type: ignore[import-untyped]

    rows, others = points.rows, len(values)
    if points.is_exact and max(rows, others) <= _MOST_ROWS_FOR_EXACT_P:
        reference = np.repeat(points.values, np.diff(points.cumulative))
        return float(stats.ks_2samp(reference, values).pvalue)
    p_value = stats.kstwo.sf(statistic, np.round(rows * others / (rows + others)))
    return float(np.clip(p_value, 0.0, 1.0))
