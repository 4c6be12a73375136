"""Whether scores are probabilities: of the rows scored about 0.7, seven in ten should be positive.

Bins are of equal width on 0 to 1, (lower, upper] but the first, which holds 0: those of scikit-learn's
``calibration_curve`` with ``strategy="uniform"``. The expected calibration error (ECE; Naeini, Cooper, Hauskrecht 2015)
weighs the distance of each bin by its rows. Do not compare it between chunks of very different size: every bin
scatters, so even a perfect model whose scores are spread evenly has an ECE of about 0.3 sqrt(bins / rows).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_monitor.monitoring.inputs import Column, Flags, Floats, refused
from ml_monitor.monitoring.performance import sampling
from ml_monitor.monitoring.performance.binary_rows import BinaryRows
from ml_monitor.monitoring.results import Measured, Undefined

DEFAULT_BINS = 10


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """The rows scored above ``lower`` and up to ``upper``: what they were scored on average, and what came true."""

    lower: float
    upper: float
    rows: int
    mean_score: float
    positive_share: float
    standard_error: float


def calibration_curve(
    truths: Column, scores: Column, *, positive: object = None, bins: int = DEFAULT_BINS
) -> tuple[CalibrationBin, ...] | Undefined:
    """Return the bins that hold rows, in order, or why there are none.

    ``standard_error`` is that of the positive share. Raises ``InvalidInput`` for arrays of unequal length and for fewer
    than one bin.
    """
    if bins < 1:
        raise refused("bins", f"at least 1, not {bins}")
    rows = BinaryRows(truths, truths, scores, positive)
    reason = rows.absent or rows.no_probabilities
    if reason is None and not len(rows.scored[1]):
        reason = sampling.NOTHING_USABLE
    if reason is not None:
        return reason
    flags, found = rows.scored
    places = _places(found, bins)
    counts = np.bincount(places, minlength=bins)
    positives = np.bincount(places, weights=flags, minlength=bins)
    totals = np.bincount(places, weights=found, minlength=bins)
    return tuple(
        CalibrationBin(
            lower=place / bins,
            upper=(place + 1) / bins,
            rows=int(counts[place]),
            mean_score=float(totals[place] / counts[place]),
            positive_share=float(positives[place] / counts[place]),
            standard_error=sampling.error_of_share(int(positives[place]), int(counts[place])),
        )
        for place in np.flatnonzero(counts).tolist()
    )


def ece_of(positive: Flags, scores: Floats, *, bins: int = DEFAULT_BINS, left_out: int = 0) -> Measured:
    """Return the mean distance of a bin's mean score from its positive share, weighed by rows.

    Standard error: the gap of each bin scatters as a normal number folded at 0 does, since a distance has no sign, and
    which bins the rows fall into scatters, too.
    """
    rows = len(scores)
    if not rows:
        return Measured(sampling.NOTHING_USABLE, left_out=left_out)
    places = _places(scores, bins)
    surplus = scores - positive
    counts = np.bincount(places, minlength=bins)
    held = np.flatnonzero(counts)
    counts = counts[held]
    gaps = np.bincount(places, weights=surplus, minlength=bins)[held] / counts
    squares = np.bincount(places, weights=surplus * surplus, minlength=bins)[held] / counts
    # A single row shows no scatter of its own: it has that of a calibrated one.
    single = np.bincount(places, weights=scores * (1 - scores), minlength=bins)[held]
    scatters = np.where(counts > 1, np.maximum(squares - gaps * gaps, 0) / np.maximum(counts - 1, 1), single)
    value = float(counts @ np.abs(gaps)) / rows
    # A gap looks larger than it is by its own scatter.
    means = np.sqrt(np.maximum(gaps * gaps - scatters, 0.0))
    within = sum(
        (count / rows) ** 2 * _folded_variance(mean, scatter)
        for count, mean, scatter in zip(counts.tolist(), means.tolist(), scatters.tolist(), strict=True)
    )
    between = float(counts @ (means - float(counts @ means) / rows) ** 2) / rows / rows
    return sampling.measured(value, math.sqrt(within + between), rows, left_out)


def _folded_variance(mean: float, variance: float) -> float:
    """Return the variance of the size of a normal number of this mean and variance."""
    if variance == 0:
        return 0.0
    deviation = math.sqrt(variance)
    mean_size = mean * math.erf(mean / deviation / math.sqrt(2))
    mean_size += deviation * math.sqrt(2 / math.pi) * math.exp(-mean * mean / variance / 2)
    return max(variance + mean * mean - mean_size * mean_size, 0.0)


def _places(scores: Floats, bins: int) -> NDArray[np.int64]:
    return np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], scores)
