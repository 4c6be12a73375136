"""How a column is distributed, reference and current on one scale in percent: for a histogram and its table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ml_monitor.formatting import show_short
from ml_monitor.monitoring.profiles.beside import Scale, shares_on, together
from ml_monitor.monitoring.profiles.profile import Profile


@dataclass(frozen=True, slots=True)
class Bar:
    """One place of the scale. ``reference`` is None where there is no reference to compare with."""

    label: str
    reference: float | None
    current: float


@dataclass(frozen=True, slots=True)
class SharesShown:
    """The bars in order. ``is_histogram`` says that they are bins of numbers, which stand side by side.

    ``ticks`` are labels along the axis of a histogram, each with its place from 0 to 1; ``highest`` is the share at
    which the axis ends.
    """

    is_histogram: bool
    bars: tuple[Bar, ...]
    ticks: tuple[tuple[float, str], ...]
    highest: float
    reference_rows: int
    current_rows: int
    reference_missing: float | None
    current_missing: float


def shares_shown(scale: Scale, reference: Profile | None, current: Sequence[Profile]) -> SharesShown:
    """Return the reference beside the chunks of ``current`` as if these were one."""
    before = shares_on(reference, scale) if reference else None
    now = together(current, scale)
    rows = sum(each.rows for each in current)
    known = sum(each.known for each in current)
    highest = max((*now, *(before or ())), default=0.0)
    return SharesShown(
        is_histogram=bool(scale.edges),
        bars=tuple(
            Bar(label, before[place] if before else None, now[place]) for place, label in enumerate(_labels(scale))
        ),
        ticks=_ticks(scale),
        highest=_round_up(highest),
        reference_rows=reference.rows if reference else 0,
        current_rows=rows,
        reference_missing=reference.missing if reference else None,
        current_missing=1 - known / rows if rows else 0.0,
    )


def _labels(scale: Scale) -> tuple[str, ...]:
    if not scale.edges:
        return scale.labels
    names = [show_short(edge) for edge in scale.edges]
    inner = [f"{low} to {high}" for low, high in pairwise(names[1:-1])]
    if scale.places == 1:
        return (names[0],)
    # The outer bins are open.
    return (f"under {names[1]}", *inner, f"{names[-2]} and more")


def _ticks(scale: Scale) -> tuple[tuple[float, str], ...]:
    """Return about six labels at edges of bins: the outer edges are open, so that they bear none."""
    inner = range(1, len(scale.edges) - 1)
    if not inner:
        return ()
    step = max(1, -(-len(inner) // 6))
    return tuple((place / scale.places, show_short(scale.edges[place])) for place in inner[::step])


def _round_up(share: float) -> float:
    ends = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8)
    return next((end for end in ends if share <= end), 1.0)
