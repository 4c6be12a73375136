"""How a column changed from the reference, in the one number that tells most: its median, a share, what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from ml_monitor.monitoring.profiles.beside import common_scale, shares_on
from ml_monitor.monitoring.profiles.profile import OTHER, CategoryProfile, NumberProfile, Profile

Measure = Literal["median", "share", "missing", "spread"]
_LEAST_MISSING = 0.02
_LEAST_MOVE = 0.1
_MIDDLE, _LOW, _HIGH = 0.5, 0.05, 0.95


@dataclass(frozen=True, slots=True)
class Change:
    """A number of a column in the reference and in a chunk.

    ``median`` and ``spread`` (the distance from the 5th to the 95th percentile) have the column's unit; ``missing`` and
    the ``share`` of ``label`` are 0 to 1.
    """

    measure: Measure
    before: float
    after: float
    label: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def read_change(values: Mapping[str, Any]) -> Change:
    """Return what ``to_dict`` was made from."""
    return Change(values["measure"], values["before"], values["after"], values["label"])


def change_between(reference: Profile, current: Profile) -> Change | None:
    """Return how a column changed; None where one side has no rows, or both know nothing.

    Missing cells come first if their share moved by more than any part of the values did. Of numbers the median stands
    for the change unless it hardly moved beside the spread.
    """
    if not reference.rows or not current.rows:
        return None
    missing = current.missing - reference.missing
    if not current.known or not reference.known:
        return Change("missing", reference.missing, current.missing) if missing else None
    scale = common_scale((reference, current))
    before, after = np.array(shares_on(reference, scale)), np.array(shares_on(current, scale))
    moved = float(np.abs(after - before).sum()) / 2
    if abs(missing) >= max(_LEAST_MISSING, moved):
        return Change("missing", reference.missing, current.missing)
    if isinstance(reference, NumberProfile) and isinstance(current, NumberProfile):
        return _of_numbers(reference, current)
    if isinstance(reference, CategoryProfile) and isinstance(current, CategoryProfile):
        sizes = np.abs(after - before)
        # Of two labels what one gains the other loses: the rarer says more.
        place = min(np.flatnonzero(sizes > sizes.max() - 1e-9), key=lambda each: (before[each], -each))
        label = scale.labels[place]
        return Change("share", float(before[place]), float(after[place]), label if label != OTHER else "")
    return None


def _of_numbers(reference: NumberProfile, current: NumberProfile) -> Change:
    wide = reference.quantile(_HIGH) - reference.quantile(_LOW)
    spread = current.quantile(_HIGH) - current.quantile(_LOW)
    middle = abs(current.quantile(_MIDDLE) - reference.quantile(_MIDDLE))
    if middle < _LEAST_MOVE * wide and abs(spread - wide) > middle:
        return Change("spread", wide, spread)
    return Change("median", reference.quantile(_MIDDLE), current.quantile(_MIDDLE))
