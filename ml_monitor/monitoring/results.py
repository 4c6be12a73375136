"""What every method of the package returns: a number, or the stated reason why there is none.

A metric over one class, an empty chunk or a constant column has no value. It is then ``Undefined`` with its reason,
never NaN and never a silent zero, so that a page can say "undefined: one class" and no alert fires on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Direction = Literal["higher_is_better", "lower_is_better", "nearer_zero_is_better"]
"""Which way a metric gets better: a threshold on the other side is no alert."""


@dataclass(frozen=True, slots=True)
class Undefined:
    """There is no value; ``reason`` continues the sentence "undefined: ..."."""

    reason: str

    def __str__(self) -> str:
        return f"undefined: {self.reason}"


Number = float | Undefined
"""A finite float, or the reason why there is none."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A named number for a chunk, and how to read it.

    ``lowest`` and ``highest`` are the limits that its values cannot pass (None: unbounded); learnt thresholds are
    clipped to them.
    """

    name: str
    title: str
    direction: Direction
    lowest: float | None = None
    highest: float | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """The value of a metric for one chunk, and its standard error there (None where no formula or sample gives one).

    ``rows`` have gone into it; ``left_out`` had a truth, too, but not all else that the metric needs.
    """

    value: Number
    standard_error: float | None = None
    rows: int = 0
    left_out: int = 0
