"""How often each label occurred in the reference: what all methods for categories compare a chunk with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ml_monitor.monitoring.columns import CategoryColumn

Floats = NDArray[np.float64]

MOST_LABELS = 10_000
"""Of a column with more labels than this the rarest are counted together, so that an id does not fill the store."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelCounts:
    """Counts by label, in order of labels; ``pooled`` rows bear one of the ``pooled_labels`` that were too rare."""

    kind: ClassVar[str] = "labels"
    counts: Mapping[str, int]
    pooled: int = 0
    pooled_labels: int = 0
    _places: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_places", {label: place for place, label in enumerate(self.counts)})

    @property
    def rows(self) -> int:
        """The number of rows that bear a label."""
        return sum(self.counts.values()) + self.pooled

    def has(self, label: str) -> bool:
        """Return whether the label was counted by name."""
        return label in self._places

    def beside(self, current: CategoryColumn) -> tuple[Floats, Floats]:
        """Return the counts of the reference and of a column, label by label.

        A label that only the column has stands at the end with a reference count of 0; if the reference has pooled
        labels, it is counted with those, since it may be one of them.
        """
        reference = [*self.counts.values(), *([self.pooled] if self.pooled else [])]
        counts = np.zeros(len(reference), dtype=np.float64)
        unseen: list[float] = []
        found = current.counts()
        for code in np.flatnonzero(found):
            place = self._places.get(current.labels[code])
            if place is not None:
                counts[place] = found[code]
            elif self.pooled:
                counts[-1] += found[code]
            else:
                unseen.append(float(found[code]))
        return np.array(reference + [0] * len(unseen), dtype=np.float64), np.append(counts, unseen)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "kind": self.kind,
            "counts": dict(self.counts),
            "pooled": self.pooled,
            "pooled_labels": self.pooled_labels,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LabelCounts:
        """Return what ``to_dict`` was made from."""
        return cls(dict(values["counts"]), values["pooled"], values["pooled_labels"])


def count_labels(column: CategoryColumn, most_labels: int = MOST_LABELS) -> LabelCounts:
    """Count the labels of a column; missing cells are left out. Of equally frequent ones the first by name is kept."""
    counts = column.counts()
    found = np.flatnonzero(counts)
    if len(found) <= most_labels:
        return LabelCounts({column.labels[code]: int(counts[code]) for code in found})
    by_rank = found[np.argsort(-counts[found], kind="stable")]  # labels are sorted, so ties go by name
    kept = np.sort(by_rank[:most_labels])
    return LabelCounts(
        {column.labels[code]: int(counts[code]) for code in kept},
        pooled=int(counts[by_rank[most_labels:]].sum()),
        pooled_labels=len(found) - most_labels,
    )
