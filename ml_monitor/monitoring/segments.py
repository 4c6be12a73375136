"""Groups of rows that share a value of one logged feature, learnt from the reference, so that they stay the same.

Use them to see where a model fails: a mean over all rows hides a district in which it is always wrong. A category that
the reference did not have and a missing value are segments of their own: there a model has learnt nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_core.records import FeatureSpec
from ml_monitor.monitoring.classes import label_text
from ml_monitor.monitoring.inputs import Column, as_numbers, is_missing, refused

MOST_SEGMENTS = 10
DEFAULT_BINS = 4

_NONE_OF_THEM = -1


@dataclass(frozen=True, slots=True)
class Segments:
    """How the rows of one feature are grouped.

    A category belongs to the segment at its place in ``categories``, a number to that between two ``edges`` (half-open,
    the first and the last open to the outside). ``others`` are known categories too rare for a segment of their own.
    """

    feature: str
    categories: tuple[str, ...] = ()
    others: frozenset[str] = frozenset()
    edges: tuple[float, ...] = ()
    is_number: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The name of every segment. Those with "=" or a comparison hold what is named, those with ":" the rest."""
        named = self._bins() if self.is_number else tuple(f"{self.feature}={category}" for category in self.categories)
        rest = ("missing", "unseen") if self.is_number or not self.others else ("missing", "unseen", "other")
        return (*named, *(f"{self.feature}: {kind}" for kind in rest))

    def split(self, values: Column) -> dict[str, NDArray[np.int64]]:
        """Return the positions of the rows of each segment that has any, ascending; every row is in exactly one.

        A number that is not finite, or a text where numbers are expected, is unseen.
        """
        array = np.asarray(values, dtype=object)
        if not len(array):
            return {}
        missing = is_missing(array)
        places = self._bin_places(array) if self.is_number else self._category_places(array)
        names = self.names
        unseen = len(self.edges) + 2 if self.is_number else len(self.categories) + 1
        places = np.where(missing, unseen - 1, np.where(places == _NONE_OF_THEM, unseen, places))
        order = np.argsort(places, kind="stable")
        found, firsts = np.unique(places[order], return_index=True)
        return {
            names[place]: rows.astype(np.int64) for place, rows in zip(found, np.split(order, firsts[1:]), strict=True)
        }

    def _bins(self) -> tuple[str, ...]:
        if not self.edges:
            return (f"{self.feature}=any number",)
        shown = _distinct_texts(self.edges)
        return (
            f"{self.feature}<{shown[0]}",
            *(f"{low}<={self.feature}<{high}" for low, high in pairwise(shown)),
            f"{self.feature}>={shown[-1]}",
        )

    def _bin_places(self, array: NDArray[Any]) -> NDArray[np.int64]:
        numbers = as_numbers(array)
        places = np.searchsorted(np.array(self.edges, dtype=np.float64), numbers, side="right")
        return np.where(np.isfinite(numbers), places, _NONE_OF_THEM)

    def _category_places(self, array: NDArray[Any]) -> NDArray[np.int64]:
        codes, distinct = pd.factorize(array)
        other = len(self.categories) + 2
        known = {category: place for place, category in enumerate(self.categories)}
        known |= dict.fromkeys(self.others, other)
        place_of_code = np.array([known.get(label_text(value), _NONE_OF_THEM) for value in distinct] + [_NONE_OF_THEM])
        return place_of_code[codes]


def learn_segments(
    reference: Column, spec: FeatureSpec, *, most: int = MOST_SEGMENTS, bins: int = DEFAULT_BINS
) -> Segments:
    """Return the segments of a feature whose values in the reference are given.

    The ``most`` most frequent categories get a segment each (of equally frequent ones the first by name), the others
    share one. Numbers are cut into ``bins`` of about equal count; equal quantiles make one edge. Raises
    ``InvalidInput`` if ``most`` or ``bins`` is less than one, or the reference has no value.
    """
    for name, count in (("most", most), ("bins", bins)):
        if count < 1:
            raise refused(name, f"at least 1, not {count}")
    array = np.asarray(reference, dtype=object)
    known = array[~is_missing(array)]
    if spec.kind == "number":
        return _learn_bins(spec.name, known, bins)
    if not len(known):
        raise refused(spec.name, "a reference with values of this feature")
    counts: dict[str, int] = {}
    codes, distinct = pd.factorize(known)
    for value, count in zip(distinct, np.bincount(codes), strict=True):
        counts[label_text(value)] = counts.get(label_text(value), 0) + int(count)
    ordered = sorted(counts, key=lambda category: (-counts[category], category))
    return Segments(spec.name, tuple(ordered[:most]), frozenset(ordered[most:]))


def _learn_bins(feature: str, known: NDArray[Any], bins: int) -> Segments:
    numbers = as_numbers(known)
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        raise refused(feature, "a reference with numbers of this feature")
    # An edge is a number that occurred, so that integers get edges that are integers.
    edges = np.unique(np.quantile(numbers, np.arange(1, bins) / bins, method="higher"))
    return Segments(feature, edges=tuple(float(edge) for edge in edges if edge > numbers.min()), is_number=True)


def _distinct_texts(edges: Sequence[float]) -> list[str]:
    """Return the edges with as few digits as tell them apart, six or more."""
    for digits in range(6, 17):
        shown = [f"{edge:.{digits}g}" for edge in edges]
        if len(set(shown)) == len(shown):
            return shown
    return [repr(edge) for edge in edges]
