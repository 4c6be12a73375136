"""A threshold from a budget of false alarms: how a metric of chunks of this size scatters while nothing has changed.

A circular block bootstrap of the reference (Künsch 1989; Politis and Romano 1992) draws many chunks of the size that
is judged now, and the metric of these is the null distribution. Blocks keep what neighbouring rows have in common. The
bound is its quantile at the allowed probability, so that a small chunk gets a wide bound and a large one a narrow one.

The reference itself is a sample: a new chunk scatters around the truth, drawn ones around the reference. Metrics and
distances scatter with one over the square root of the rows, those of two samples with 1/n + 1/N; so drawn chunks get
the fewer rows that have the same scatter, n N / (n + N).

Limits: not for counts, which grow with the rows; a bound at probability p needs some 20 / p draws; and a reference of
few blocks, or one that was itself drifting, makes bounds too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from ml_monitor.monitoring.inputs import refused
from ml_monitor.monitoring.results import Direction, Metric, Number, Undefined
from ml_monitor.monitoring.thresholds.base import Threshold

Rows = NDArray[np.intp]
Statistic = Callable[[Rows], Number]
"""The metric of the reference rows at these positions (with repetitions), or the distance of these to all of it."""

DRAWS_PER_PROBABILITY = 20
_FEWEST_DRAWS = 200
_LARGEST_UNDEFINED_SHARE = 0.1
_NODES = 40


@dataclass(frozen=True, slots=True)
class NullDistribution:
    """The sorted values that a metric takes on chunks of ``chunk_rows`` rows while nothing has changed."""

    values: tuple[float, ...]
    chunk_rows: int
    reference_rows: int
    block_rows: int

    def threshold(self, metric: Metric, probability: float) -> Threshold:
        """Return the bounds that a chunk without change crosses, on the metric's bad side, with this probability.

        A metric that is best near zero gets half of the probability on each side. Raises ``InvalidInput`` unless the
        distribution holds 1 / probability values (2 / probability for two sides).
        """
        share = _per_side(probability, metric.direction)
        if share * (len(self.values) + 1) < 1:
            raise refused("probability", f"at least {1 / (len(self.values) + 1):.2g} a side with these draws")
        # Of n draws and the judged chunk, each is equally likely to have any rank.
        beyond = math.floor(share * (len(self.values) + 1)) - 1
        lower, upper = self.values[beyond], self.values[-1 - beyond]
        details = {
            "probability": probability,
            "chunk_rows": self.chunk_rows,
            "reference_rows": self.reference_rows,
            "block_rows": self.block_rows,
            "draws": len(self.values),
        }
        return Threshold(
            None if metric.direction == "lower_is_better" else lower,
            None if metric.direction == "higher_is_better" else upper,
            "false_alarms",
            details,
        )

    def p_value(self, value: Number, direction: Direction) -> Number:
        """Return how likely a value so bad or worse is without change; never 0, since the draws are finite."""
        if isinstance(value, Undefined):
            return value
        count = len(self.values)
        above = count - int(np.searchsorted(self.values, value, side="left"))
        below = int(np.searchsorted(self.values, value, side="right"))
        if direction == "lower_is_better":
            return (1 + above) / (1 + count)
        if direction == "higher_is_better":
            return (1 + below) / (1 + count)
        return min(1.0, 2 * (1 + min(above, below)) / (1 + count))


def draw_null_distribution(
    statistic: Statistic,
    *,
    reference_rows: int,
    chunk_rows: int,
    draws: int,
    block_rows: int | None = None,
    seed: int = 42,
) -> NullDistribution | Undefined:
    """Return how ``statistic`` scatters over chunks of ``chunk_rows`` rows drawn from the reference.

    ``block_rows`` is how many neighbouring rows are drawn together: by default the third root of the reference's rows
    (Hall, Horowitz and Jing 1995); take 1 for rows known to be independent. Draws without a value do not count; with
    more than a tenth of them the result is Undefined. Raises ``InvalidInput`` for sizes that cannot be drawn.
    """
    if reference_rows < 2:
        raise refused("reference_rows", f"at least 2, not {reference_rows}")
    if chunk_rows < 1:
        raise refused("chunk_rows", f"at least 1, not {chunk_rows}")
    if draws < _FEWEST_DRAWS:
        raise refused("draws", f"at least {_FEWEST_DRAWS}, not {draws}")
    block = block_rows if block_rows is not None else default_block_rows(reference_rows)
    if not 1 <= block <= reference_rows:
        raise refused("block_rows", f"1 to {reference_rows}, the rows of the reference, not {block}")
    drawn_rows = max(1, round(chunk_rows * reference_rows / (chunk_rows + reference_rows)))
    generator = np.random.default_rng(seed)
    values = []
    for _ in range(draws):
        value = statistic(_draw(generator, reference_rows, drawn_rows, min(block, drawn_rows)))
        if not isinstance(value, Undefined):
            values.append(value)
    if len(values) < (1 - _LARGEST_UNDEFINED_SHARE) * draws:
        return Undefined(f"only {len(values)} of {draws} chunks of {chunk_rows} rows have a value")
    return NullDistribution(tuple(sorted(values)), chunk_rows, reference_rows, block)


def draws_for(probability: float, direction: Direction) -> int:
    """Return how many draws a bound at this probability needs."""
    return max(_FEWEST_DRAWS, math.ceil(DRAWS_PER_PROBABILITY / _per_side(probability, direction)))


def default_block_rows(reference_rows: int) -> int:
    """Return the third root of the rows, the order of length that serves variances best."""
    return max(1, round(math.cbrt(reference_rows)))


def chunk_probability(budget: float, bad_chunks: int, of_chunks: int, *, chunk_rows: int, reference_rows: int) -> float:
    """Return the probability per chunk at which ``bad_chunks`` of ``of_chunks`` are beyond with probability ``budget``.

    The budget is thus that of a rule that waits for k of n chunks. All chunks are judged by one bound, learnt from one
    reference: where that lies too near, all are beyond more often, which makes runs likelier than single chunks tell.
    The mean is taken over where the bound may lie, for a metric that is about normal and bad on one side.
    """
    if not 0 < budget < 1:
        raise refused("budget", f"a probability between 0 and 1, not {budget}")
    if not 1 <= bad_chunks <= of_chunks:
        raise refused("bad_chunks", f"1 to {of_chunks}, not {bad_chunks}")
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        reached = _probability_of_run(middle, bad_chunks, of_chunks, chunk_rows / reference_rows)
        low, high = (middle, high) if reached < budget else (low, middle)
    return low


def _probability_of_run(probability: float, bad_chunks: int, of_chunks: int, ratio: float) -> float:
    """Return the mean binomial tail over references, ``ratio`` being the variance of one relative to a chunk's."""
    normal = NormalDist()
    bound = normal.inv_cdf(1 - probability) * math.sqrt(1 + ratio)
    places, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    mean = 0.0
    for place, weight in zip(places.tolist(), weights.tolist(), strict=True):
        single = normal.cdf(math.sqrt(ratio) * place - bound)
        mean += weight * math.fsum(
            math.comb(of_chunks, each) * single**each * (1 - single) ** (of_chunks - each)
            for each in range(bad_chunks, of_chunks + 1)
        )
    return mean / math.sqrt(2 * math.pi)


def _draw(generator: np.random.Generator, reference_rows: int, rows: int, block: int) -> Rows:
    """Return so many positions: blocks of neighbours from random starts, going on from the end at the beginning."""
    starts = generator.integers(reference_rows, size=-(-rows // block))
    positions = (starts[:, None] + np.arange(block)) % reference_rows
    return positions.ravel()[:rows].astype(np.intp)


def _per_side(probability: float, direction: Direction) -> float:
    if not 0 < probability < 1:
        raise refused("probability", f"a number between 0 and 1, not {probability}")
    return probability / 2 if direction == "nearer_zero_is_better" else probability
