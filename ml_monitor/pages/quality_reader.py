"""What checks say of the data of a model's newest chunk: what is off first, and how much is fine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ml_core.store.base import Store
from ml_monitor.pages.points import Point, point_shown
from ml_monitor.results.results_store import read_results

TITLES = {
    "missing": "missing cells",
    "unseen_categories": "labels unknown to the reference",
    "out_of_range": "values outside the reference's range",
    "changed_types": "values of another type",
    "constant": "the same value only",
    "duplicates": "rows that equal an earlier one",
}


@dataclass(frozen=True, slots=True)
class QualityLine:
    """One check of one column; ``column`` "" is all of them together."""

    check: str
    column: str
    point: Point


@dataclass(frozen=True, slots=True)
class QualityShown:
    """The checks of the chunk that starts at ``start``: those that are off, then those above 0, and how many passed."""

    start: datetime
    off: tuple[QualityLine, ...]
    noted: tuple[QualityLine, ...]
    passed: int
    total: int


def read_quality(store: Store, model: str, start: datetime | None) -> QualityShown | None:
    """Return the quality of the chunk that starts at a time; None if nothing was measured."""
    if start is None:
        return None
    found = read_results(store, model, "quality", start, start + timedelta(microseconds=1))
    return show_quality(start, [QualityLine(each.name, each.column, point_shown(each)) for each in found])


def show_quality(start: datetime, lines: Sequence[QualityLine]) -> QualityShown | None:
    """Sort the checks of a chunk by what needs a look; None of none."""
    if not lines:
        return None
    off = [line for line in lines if line.point.state == "beyond"]
    noted = [line for line in lines if line.point.state != "beyond" and (line.point.value or 0.0) > 0]
    return QualityShown(
        start, tuple(_worst_first(off)), tuple(_worst_first(noted)), len(lines) - len(off) - len(noted), len(lines)
    )


def _worst_first(lines: Sequence[QualityLine]) -> list[QualityLine]:
    return sorted(lines, key=lambda line: (-(line.point.value or 0.0), line.column, line.check))
