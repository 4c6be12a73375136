"""The profile of a column in a chunk or in the reference: how many cells, how many missing, and how the others spread.

Numbers are kept as 43 quantiles (``numpy.quantile``, by straight line), so that any other scale can be laid over them
later and no share is off by more than 2.5 %; a column of few distinct numbers is counted exactly, and so are the most
frequent labels of a category. Nothing else of the rows is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ml_monitor.monitoring.columns import CategoryColumn, Column, Floats, NumberColumn

MOST_VALUES = 24
"""A column of numbers with at most so many distinct ones is shown number by number."""
MOST_LABELS = 20
OTHER = "other labels"
LEVELS = (0.0, 0.01, *(step / 40 for step in range(1, 40)), 0.99, 1.0)
"""The quantiles that are kept: each 2.5 %, and the hundredth at both ends, at which a scale begins and ends."""
_LEVELS = np.array(LEVELS)
_PLACES = {level: place for place, level in enumerate(LEVELS)}
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class NumberProfile:
    """``rows`` cells, of which ``known`` hold a finite number.

    ``quantiles`` are those at ``LEVELS``, empty where nothing is known; ``counts`` are all distinct values, in order,
    with how often each occurs, empty where they are too many.
    """

    kind: ClassVar[str] = "number"
    rows: int
    known: int
    quantiles: tuple[float, ...] = ()
    counts: tuple[tuple[float, int], ...] = ()

    @property
    def missing(self) -> float:
        """The share of cells that hold no number; 0 where there are no cells."""
        return _missing(self.rows, self.known)

    def quantile(self, level: float) -> float:
        """Return the quantile at one of ``LEVELS``; raise ``KeyError`` for another, ``IndexError`` if none is known."""
        return self.quantiles[_PLACES[level]]

    def share_below(self, bounds: Floats) -> Floats:
        """Return the share of known values that lie below each bound; zeros where nothing is known."""
        if not self.known:
            return np.zeros(len(bounds))
        if self.counts:
            values = np.array([value for value, _ in self.counts])
            sums = np.concatenate([[0.0], np.cumsum([count for _, count in self.counts])])
            return np.asarray(sums[np.searchsorted(values, bounds, side="left")] / self.known)
        points = np.asarray(self.quantiles)
        places = np.searchsorted(points, bounds, side="left")
        inside = (places > 0) & (places < len(points))
        upper = np.where(inside, places, 1)
        left, right = points[upper - 1], points[upper]
        with np.errstate(over="ignore"):
            part = np.where(inside, (bounds - left) / np.where(right > left, right - left, 1.0), 0.0)
        between = _LEVELS[upper - 1] + part * (_LEVELS[upper] - _LEVELS[upper - 1])
        return np.where(places == 0, 0.0, np.where(inside, between, 1.0))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "kind": self.kind,
            "rows": self.rows,
            "known": self.known,
            "quantiles": list(self.quantiles),
            "counts": [list(each) for each in self.counts],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> NumberProfile:
        """Return what ``to_dict`` was made from."""
        counts = tuple((float(value), int(count)) for value, count in values["counts"])
        return cls(values["rows"], values["known"], tuple(values["quantiles"]), counts)


@dataclass(frozen=True, slots=True)
class CategoryProfile:
    """``rows`` cells, of which ``known`` bear a label: ``counts`` by label, the most frequent first.

    ``pooled`` rows bear one of the labels that were too rare to be kept by name.
    """

    kind: ClassVar[str] = "category"
    rows: int
    known: int
    counts: Mapping[str, int]
    pooled: int = 0

    @property
    def missing(self) -> float:
        """The share of cells without a label; 0 where there are no cells."""
        return _missing(self.rows, self.known)

    def share_of(self, label: str) -> float:
        """Return the share of a label among the known cells; ``OTHER`` stands for those not kept by name."""
        count = self.pooled if label == OTHER else self.counts.get(label, 0)
        return count / self.known if self.known else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; pairs, since JSON objects may be stored in another order."""
        counts = [[label, count] for label, count in self.counts.items()]
        return {"kind": self.kind, "rows": self.rows, "known": self.known, "counts": counts, "pooled": self.pooled}


Profile = NumberProfile | CategoryProfile


def profile_of(column: Column) -> Profile:
    """Return the profile of a column; infinite numbers count as unknown, as in all methods of drift."""
    return _of_numbers(column) if isinstance(column, NumberColumn) else _of_labels(column)


def read_profile(values: Mapping[str, Any]) -> Profile:
    """Return what ``to_dict`` was made from; raise ``ValueError`` for another kind."""
    kind = values.get("kind")
    if kind == NumberProfile.kind:
        return NumberProfile.from_dict(values)
    if kind == CategoryProfile.kind:
        return CategoryProfile(values["rows"], values["known"], dict(values["counts"]), values["pooled"])
    raise ValueError(f"kind: expected number or category, not {kind!r}")


def _of_numbers(column: NumberColumn) -> NumberProfile:
    known = column.known()
    if not len(known):
        return NumberProfile(len(column), 0)
    with np.errstate(over="ignore", invalid="ignore"):
        found = np.quantile(known, _LEVELS)
    # Between two numbers of opposite sign near the end of float64 there is no straight line: a neighbour does as well.
    if not np.isfinite(found).all():
        found = np.quantile(known, _LEVELS, method="lower")
    ordered = np.maximum.accumulate([_rounded(value) for value in found])
    values, counts = _few_values(known)
    return NumberProfile(
        len(column),
        len(known),
        tuple(float(value) for value in ordered),
        tuple((float(value), int(count)) for value, count in zip(values, counts, strict=True)),
    )


def _few_values(known: Floats) -> tuple[Floats, Any]:
    """Return the distinct values with their counts; nothing where they are too many, which a sample tells at once."""
    if len(np.unique(known[: 10 * MOST_VALUES])) <= MOST_VALUES:
        values, counts = np.unique(known, return_counts=True)
        if len(values) <= MOST_VALUES:
            return values, counts
    return np.array([]), np.array([], dtype=np.int64)


def _of_labels(column: CategoryColumn) -> CategoryProfile:
    counts = column.counts()
    by_rank = np.argsort(-counts, kind="stable")  # labels are sorted, so ties go by name
    named = [code for code in by_rank[:MOST_LABELS] if counts[code]]
    known = int(counts.sum())
    kept = {column.labels[code]: int(counts[code]) for code in named}
    return CategoryProfile(len(column), known, kept, known - sum(kept.values()))


def _missing(rows: int, known: int) -> float:
    return 1.0 - known / rows if rows else 0.0


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
