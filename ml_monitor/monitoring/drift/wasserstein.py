"""Wasserstein distance of order 1: how far values must be moved on average to make one distribution of the other.

W = integral of |F_reference(x) - F_chunk(x)| dx, in units of the column; with ``is_normalised`` (the default) divided
by the standard deviation of the reference (by n), so that columns can be compared. Up to ``exact_rows`` rows of
reference W is exact; above, the reference is summed up by points, and W is off by at most their ``summary_error``.
Source: scipy.stats.wasserstein_distance.

Use it where the size of a shift matters; a few values far out move it a lot. Undefined if it is to be normalised and
the reference is constant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ml_monitor.monitoring.columns import Column, ColumnKind
from ml_monitor.monitoring.drift.base import ColumnMethod, MeasuredDrift, numbers_of
from ml_monitor.monitoring.drift.points import EXACT_ROWS, Points, fit_points
from ml_monitor.monitoring.results import Metric, Undefined

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Wasserstein(ColumnMethod[Points]):
    """The distance, 0 or more."""

    metric: ClassVar[Metric] = Metric("wasserstein", "Wasserstein distance", "lower_is_better", lowest=0.0)
    suits: ClassVar[frozenset[ColumnKind]] = frozenset({"number"})
    is_symmetric: ClassVar[bool] = False  # normalised by the reference alone

    is_normalised: bool = True
    exact_rows: int = EXACT_ROWS

    def measure(self, statistics: Points, current: Column) -> MeasuredDrift:
        """Return the distance of a chunk; see ``ColumnMethod.measure``."""
        measured = ColumnMethod.measure(self, statistics, current)
        if self.is_normalised and statistics.rows and len(statistics.values) == 1:
            return MeasuredDrift(Undefined("the reference is constant, there is no unit"), rows=measured.rows)
        return measured

    def _fit(self, reference: Column) -> Points:
        return fit_points(numbers_of(reference).known(), self.exact_rows)

    def _measure(self, statistics: Points, current: Column) -> tuple[float, float | None]:
        distance = _distance(statistics, np.sort(numbers_of(current).known()))
        if not self.is_normalised:
            return distance, None
        unit = statistics.standard_deviation
        return (distance / unit if unit else np.inf), None


def _distance(points: Points, values: Floats) -> float:
    """Integrate |F - G| over points and sorted values without merging them.

    The points part the line into gaps, in each of which F is level. Gaps without values count as a whole; in the others
    each value ends one piece, and the last of the gap begins another.
    """
    rows, gaps, levels = len(values), len(points.values), points.shares
    own = np.arange(rows + 1) / rows
    gap = np.searchsorted(points.values, values, side="right")
    heights = np.repeat(own, np.diff(gap, prepend=0, append=gaps + 1))  # of a gap without values, G is level too
    heights -= levels
    np.abs(heights, out=heights)
    heights[gap] = 0.0
    inner = heights[1:-1]
    inner *= np.diff(points.values)
    whole = float(np.sum(inner))

    is_first, is_last = np.append(True, gap[1:] != gap[:-1]), np.append(gap[1:] != gap[:-1], True)
    begins = np.append(values[:1], values[:-1])
    after_point = is_first & (gap > 0)
    begins[after_point] = points.values[gap[after_point] - 1]
    pieces = np.abs(levels[gap] - own[:-1]) * (values - begins)
    before_point = is_last & (gap < gaps)
    ends = points.values[gap[before_point]]
    rests = np.abs(levels[gap] - own[1:])[before_point] * (ends - values[before_point])
    return whole + float(np.sum(pieces)) + float(np.sum(rests))
