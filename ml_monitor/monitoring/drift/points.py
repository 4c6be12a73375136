"""The reference of a column of numbers as sorted points with weights: all of it if it is small, else a summary.

Up to ``EXACT_ROWS`` values every one is kept, and what is measured against them is exact. Above, the sorted values are
cut into ``MOST_POINTS`` groups of equal size, each of which is replaced by its median. Both the Kolmogorov-Smirnov
statistic and the Wasserstein distance obey the triangle inequality, so each is off by no more than its own value
between reference and summary: half a group, at most 1 / (2 * MOST_POINTS), and ``summary_error``. Bins of equal width,
by contrast, say little about a column of which one value lies far out: nearly all others fall into one bin.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

EXACT_ROWS = 10_000
MOST_POINTS = 2_000


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Distinct ``values``, ascending, and the number of rows up to each: ``cumulative`` begins with a 0 of its own.

    ``shares`` is the same as shares of all rows: the distribution function, level by level.
    ``standard_deviation`` is that of the reference (divided by n), ``summary_error`` the Wasserstein distance between
    the reference and its points, 0 if the points are all of it. Both are None if they are too large for a float.
    """

    kind: ClassVar[str] = "points"
    values: Floats
    cumulative: NDArray[np.int64]
    is_exact: bool
    standard_deviation: float | None
    summary_error: float | None
    shares: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "shares", self.cumulative / max(self.rows, 1))

    @property
    def rows(self) -> int:
        """The number of values of the reference."""
        return int(self.cumulative[-1])

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "kind": self.kind,
            "values": self.values.tolist(),
            "cumulative": self.cumulative.tolist(),
            "is_exact": self.is_exact,
            "standard_deviation": self.standard_deviation,
            "summary_error": self.summary_error,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Points:
        """Return what ``to_dict`` was made from."""
        return cls(
            np.array(values["values"], dtype=np.float64),
            np.array(values["cumulative"], dtype=np.int64),
            values["is_exact"],
            values["standard_deviation"],
            values["summary_error"],
        )


def fit_points(values: Floats, exact_rows: int = EXACT_ROWS) -> Points:
    """Make points of finite values, of which there may be none."""
    in_order = np.sort(values)
    rows, is_exact = len(in_order), len(in_order) <= exact_rows
    deviation = _finite(float(np.std(in_order))) if rows else 0.0
    if is_exact:
        return Points(*_distinct(in_order, np.ones(rows, dtype=np.int64)), True, deviation, 0.0)
    cuts = np.arange(MOST_POINTS + 1) * rows // MOST_POINTS
    counts = np.diff(cuts)
    medians = in_order[(cuts[:-1] + cuts[1:] - 1) // 2]
    in_order -= np.repeat(medians, counts)
    error = _finite(float(np.mean(np.abs(in_order, out=in_order))))
    return Points(*_distinct(medians, counts), False, deviation, error)


def _distinct(in_order: Floats, counts: NDArray[np.int64]) -> tuple[Floats, NDArray[np.int64]]:
    is_last = np.append(in_order[1:] != in_order[:-1], True)[: len(in_order)]
    cumulative = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts)[is_last]])
    return in_order[is_last] + 0.0, cumulative  # adding 0.0 makes a zero of either sign the same


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
