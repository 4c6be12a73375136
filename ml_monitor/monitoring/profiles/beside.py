"""Two or more profiles of one column on one scale, in shares: what a chart lays over each other.

Numbers fall into bins of equal, round width that all profiles share, so that a bar of one can be held against the bar
of another; the first and the last bin are open, since a single value far out would make all bins wide. Numbers of few
distinct values and categories have a bar for each.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ml_monitor.monitoring.columns import Floats
from ml_monitor.monitoring.profiles.profile import (
    MOST_VALUES,
    OTHER,
    CategoryProfile,
    NumberProfile,
    Profile,
)

_BINS = 28
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
MOST_BARS = 14


@dataclass(frozen=True, slots=True)
class Scale:
    """The places of one scale: ``edges`` of bins, of which the outer ones are open, or ``labels`` one by one."""

    edges: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    values: tuple[float, ...] = ()

    @property
    def places(self) -> int:
        """How many bars there are."""
        return len(self.edges) - 1 if self.edges else len(self.labels)


def common_scale(profiles: Sequence[Profile]) -> Scale:
    """Return the scale on which all profiles can be shown; one without a place where none knows anything."""
    numbers = [each for each in profiles if isinstance(each, NumberProfile) and each.known]
    if numbers:
        return _numbers_scale(numbers)
    categories = [each for each in profiles if isinstance(each, CategoryProfile) and each.known]
    largest: dict[str, float] = {}
    for each in categories:
        for label in each.counts:
            largest[label] = max(largest.get(label, 0.0), each.share_of(label))
    # By the first profile, which is the reference as a rule; what is new stands by its own share.
    first = categories[0] if categories else None
    by_rank = sorted(largest, key=lambda label: (-largest[label], label))[: MOST_BARS - 1]
    ordered = sorted(by_rank, key=lambda label: (-(first.share_of(label) if first else 0.0), -largest[label], label))
    has_other = len(largest) > len(by_rank) or any(each.pooled for each in categories)
    return Scale(labels=(*ordered, OTHER) if has_other else tuple(ordered))


def shares_on(profile: Profile, scale: Scale) -> tuple[float, ...]:
    """Return the share of the known values at each place; their sum is 1, or all are 0 where nothing is known."""
    if isinstance(profile, CategoryProfile):
        named = [profile.share_of(label) for label in scale.labels if label != OTHER]
        rest = max(0.0, 1.0 - sum(named)) if profile.known else 0.0
        return (*named, rest) if OTHER in scale.labels else tuple(named)
    if scale.values:
        counts = dict(profile.counts)
        return tuple(counts.get(value, 0) / profile.known if profile.known else 0.0 for value in scale.values)
    below = profile.share_below(np.asarray(scale.edges[1:-1], dtype=np.float64))
    if not profile.known:
        return (0.0,) * scale.places
    return tuple(float(share) for share in np.diff(np.concatenate([[0.0], below, [1.0]])))


def together(profiles: Sequence[Profile], scale: Scale) -> tuple[float, ...]:
    """Return the shares of several chunks as if they were one: each weighs as many rows as it knows."""
    known = sum(each.known for each in profiles)
    if not known:
        return (0.0,) * scale.places
    weighed = [np.asarray(shares_on(each, scale)) * (each.known / known) for each in profiles]
    total: Floats = np.sum(weighed, axis=0)
    return tuple(float(share) for share in total)


def _numbers_scale(numbers: Sequence[NumberProfile]) -> Scale:
    if all(each.counts for each in numbers):
        values = sorted({value for each in numbers for value, _ in each.counts})
        if len(values) <= MOST_VALUES:
            return Scale(labels=tuple(f"{value:.6g}" for value in values), values=tuple(values))
    low = min(each.quantile(0.01) for each in numbers)
    high = max(each.quantile(0.99) for each in numbers)
    width = _round_width((high / _BINS) - (low / _BINS))
    if not width or not math.isfinite(width):  # of one value, or too wide for any float
        return Scale(edges=(low, np.nextafter(high, np.inf).item()))
    first, last = math.floor(low / width), math.floor(high / width) + 1
    return Scale(edges=tuple(float(f"{place * width:.12g}") for place in range(first, last + 1)))


def _round_width(width: float) -> float:
    """Return the next round width that is not narrower: 1, 2, 2.5 or 5 times a power of ten."""
    if not width > 0:
        return 0.0
    power = 10.0 ** math.floor(math.log10(width))
    return next((step * power for step in _STEPS if step * power >= width), math.inf) if power else 0.0
