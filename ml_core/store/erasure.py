"""What went when predictions were erased, counted in the same way by every store."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields

from ml_core.store.companions import tracked_ids


@dataclass(frozen=True, slots=True)
class Erasure:
    """How much went; ``found`` of the ids had anything stored.

    ``shadows`` are what hidden versions had said of them, ``tracked`` the lines that scripts tracked, and ``set_apart``
    the records that a database had not taken. A truth that was corrected is one.
    """

    found: int = 0
    predictions: int = 0
    ground_truths: int = 0
    shadows: int = 0
    tracked: int = 0
    set_apart: int = 0

    def __add__(self, other: Erasure) -> Erasure:
        """Return what went of these ids and of others."""
        return Erasure(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))


def erasure(
    asked: Collection[str],
    served: set[str],
    truths: set[str],
    shadows: Sequence[set[str]],
    tracked: Sequence[str],
) -> Erasure:
    """Return what went, from the ids that were found in each place; ``tracked`` has that of each line."""
    lines_of = set(tracked)
    found = {each for each in asked if not lines_of.isdisjoint(tracked_ids(each))}
    return Erasure(
        len(found.union(served, truths, *shadows)),
        predictions=len(served),
        ground_truths=len(truths),
        shadows=sum(map(len, shadows)),
        tracked=len(tracked),
    )
