"""The reference as counts in bins: of equal width or equal frequency for numbers, one for each label for categories.

Bins come from the reference alone, so that they are made once and a chunk is compared with nothing but counts. Each
side has a bin for what lies beyond the edges.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

EQUAL_FREQUENCY_BINS = 10
FEW_VALUES = 20


@dataclass(frozen=True, slots=True, eq=False)
class NumberBins:
    """Ascending ``edges`` and one count more than edges: below the first, between each two, from the last on.

    A bin holds its lower edge and not its upper one.
    """

    kind: ClassVar[str] = "bins"
    edges: Floats
    counts: NDArray[np.int64]

    @property
    def rows(self) -> int:
        """The number of values of the reference."""
        return int(self.counts.sum())

    def beside(self, values: Floats) -> tuple[Floats, Floats]:
        """Return the counts of the reference and of finite values, bin by bin."""
        return self.counts.astype(np.float64), _count(np.sort(values), self.edges).astype(np.float64)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"kind": self.kind, "edges": self.edges.tolist(), "counts": self.counts.tolist()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> NumberBins:
        """Return what ``to_dict`` was made from."""
        return cls(np.array(values["edges"], dtype=np.float64), np.array(values["counts"], dtype=np.int64))


def equal_width_bins(values: Floats) -> NumberBins:
    """Make bins of equal width between the least and the greatest value, as many as Doane's rule says.

    Source: numpy.histogram_bin_edges(bins="doane"). If all values are equal, that one value is a bin of its own, since
    a width could only be guessed.
    """
    in_order = np.sort(values)
    if not len(in_order):
        return _bins(in_order, np.zeros(1))
    least, greatest = in_order[0] + 0.0, in_order[-1] + 0.0
    if least == greatest:
        return _bins(in_order, _around(np.array([least])))
    number = _doane(in_order)
    edges = np.linspace(least, greatest, number + 1)
    if not np.isfinite(edges).all():  # the range is too large for a float, but half of it is not
        edges = np.linspace(least / 2, greatest / 2, number + 1) * 2
    edges[-1] = _next(edges[-1])  # the greatest value belongs to the last bin, not beyond it
    return _bins(in_order, np.unique(edges))


def equal_frequency_bins(values: Floats) -> NumberBins:
    """Make ten bins of as equal counts as ties allow; each value its own bin if there are at most ``FEW_VALUES``."""
    in_order = np.sort(values)
    if not len(in_order):
        return _bins(in_order, np.zeros(1))
    is_new = np.append(True, in_order[1:] != in_order[:-1])
    if np.count_nonzero(is_new) <= FEW_VALUES:
        return _bins(in_order, _around(in_order[is_new] + 0.0))
    cuts = np.arange(1, EQUAL_FREQUENCY_BINS) * len(in_order) // EQUAL_FREQUENCY_BINS
    return _bins(in_order, np.unique(in_order[cuts] + 0.0))


def _bins(in_order: Floats, edges: Floats) -> NumberBins:
    return NumberBins(edges, _count(in_order, edges))


def _count(in_order: Floats, edges: Floats) -> NDArray[np.int64]:
    below = np.searchsorted(in_order, edges, side="left")
    return np.diff(below, prepend=0, append=len(in_order)).astype(np.int64)


def _around(distinct: Floats) -> Floats:
    """Return edges that hold each value apart from all others."""
    return np.unique(np.concatenate([distinct, _next(distinct)]))


def _next(values: Any) -> Any:
    """Return the least float above each; of the greatest float, itself."""
    return np.minimum(np.nextafter(values, np.inf), np.finfo(np.float64).max)


def _doane(in_order: Floats) -> int:
    """Return the number of bins: 1 + log2(n) + log2(1 + |skewness| / its standard deviation), rounded up."""
    rows = len(in_order)
    number = 1.0 + math.log2(rows)
    deviation = float(np.std(in_order))
    if rows < 3 or not 0 < deviation < math.inf:
        return 1 if rows < 3 else math.ceil(number)
    scaled = (in_order - np.mean(in_order)) / deviation
    skewness = float(np.mean(scaled * scaled * scaled))
    spread = math.sqrt(6.0 * (rows - 2) / ((rows + 1.0) * (rows + 3)))
    return math.ceil(number + math.log2(1.0 + abs(skewness) / spread))
