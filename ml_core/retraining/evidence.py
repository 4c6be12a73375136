"""How sure it is that one version is better than another: a bet that may be looked at at any time.

Two versions predict the same things; each pair of losses is a number a, of the version in place, and b, of its rival,
in units of a scale that the first pairs set. The null hypothesis says that the rival is not better by the margin m: the
mean of d = (1 - m) min(a, 1) - b, given all that came before, is at most 0. A gambler who stakes the share s of what he
has on each d multiplies it by 1 + s d, and by 0 where that is negative; he cannot expect to gain under the null as long
as b stays below 1 / s. Nor can the average of gamblers with fixed shares, which is the e-value here. So the chance that
it ever reaches 1 / alpha is at most alpha (Ville), however often one looks and whenever one stops.
``docs/retraining.md`` says more.

Sources: J. Ville, Étude critique de la notion de collectif (1939). I. Waudby-Smith and A. Ramdas, Estimating means of
bounded random variables by betting, JRSS B 86 (2024). Y. J. Choe and A. Ramdas, Comparing sequential forecasters,
Operations Research 72 (2024).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Verdict = Literal["better", "worse", "open"]

SCALE_PAIRS = 10
"""The first so many pairs say how large losses are, and count for nothing else."""
_MOST_SCALES = 2.0
_RUIN = 1e-300
"""What is left to a gambler who has lost all, so that there is a logarithm of it; none comes back from that."""
_STAKES: Floats = np.geomspace(0.05, 0.95, 8)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What pairs of losses come to: means of the losses as they are, and the largest log e-values so far.

    ``verdict`` is about the rival; ``decided_at`` is the number of pairs at which it fell.
    """

    pairs: int
    mean: float
    rival_mean: float
    log_e_better: float
    log_e_worse: float
    verdict: Verdict
    decided_at: int | None = None


def weigh(losses: Floats, rival: Floats, *, alpha: float, margin: float) -> Evidence:
    """Return the evidence in pairs of losses (not negative, in the order in which their truths became known).

    The rival is ``better`` if its loss is below that in place by more than the share ``margin``, ``worse`` if that in
    place is below its own; each is wrong with a chance of at most ``alpha``. The scale is twice the largest loss of the
    first ``SCALE_PAIRS``. No single pair can more than double an e-value, and a great loss of the one that is to win
    may ruin it.
    """
    if losses.shape != rival.shape or losses.ndim != 1:
        raise ValueError(f"expected pairs of losses, not shapes {losses.shape} and {rival.shape}")
    if not all(np.isfinite(each).all() and (each >= 0).all() for each in (losses, rival)):
        raise ValueError("losses: expected finite numbers that are not negative")
    count = len(losses)
    if not count:
        return Evidence(0, math.nan, math.nan, 0.0, 0.0, "open")
    scale = _MOST_SCALES * max(float(each[:SCALE_PAIRS].max()) for each in (losses, rival)) or 1.0
    ours, theirs = losses[SCALE_PAIRS:] / scale, rival[SCALE_PAIRS:] / scale
    better = _log_wealth((1.0 - margin) * np.minimum(ours, 1.0) - theirs)
    worse = _log_wealth(np.minimum(theirs, 1.0) - ours)
    bound = math.log(1.0 / alpha)
    crossed_better, crossed_worse = _first(better >= bound), _first(worse >= bound)
    verdict: Verdict = "open"
    if min(crossed_better, crossed_worse) < len(better):
        verdict = "better" if crossed_better <= crossed_worse else "worse"
    return Evidence(
        count,
        float(losses.mean()),
        float(rival.mean()),
        float(better.max(initial=0.0)),
        float(worse.max(initial=0.0)),
        verdict,
        None if verdict == "open" else SCALE_PAIRS + 1 + min(crossed_better, crossed_worse),
    )


def _log_wealth(differences: Floats) -> Floats:
    """Return the logarithm of the gamblers' average wealth after each difference, which is at most 1."""
    factors = np.maximum(1.0 + _STAKES[:, None] * differences, _RUIN)
    wealth: Floats = np.logaddexp.reduce(np.cumsum(np.log(factors), axis=1), axis=0) - math.log(len(_STAKES))
    return wealth


def _first(reached: NDArray[np.bool_]) -> int:
    return int(np.argmax(reached)) if reached.any() else len(reached)
