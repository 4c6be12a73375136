"""Sampling errors: by how much a metric of this many rows scatters although nothing has changed.

The standard error is taken from the chunk itself, so it follows what the chunk holds. NannyML instead takes the scatter
of single rows in the reference and divides by the root of the chunk's size: one number for all chunks of a size, which
does not grow when a chunk is worse than the reference. Both assume rows independent of each other.

A metric that is no mean is linearized (the delta method): each row has an influence on it, whose mean is zero, and the
metric scatters like the mean of these influences.
"""

from __future__ import annotations

import math

from ml_monitor.monitoring.inputs import Floats
from ml_monitor.monitoring.results import Measured, Undefined

NO_ROWS = Undefined("no rows")
NO_TRUTH = Undefined("no ground truth")
NOTHING_USABLE = Undefined("no row has all that the metric needs")
ONE_CLASS = Undefined("one class only")
_TOO_LARGE = Undefined("the numbers are too large to compute with")


def absence(rows: int, labelled: int) -> Undefined | None:
    """Return why none of so many rows, of which some have a truth, can be judged; None if some can."""
    if not rows:
        return NO_ROWS
    return None if labelled else NO_TRUTH


def measured(value: float, standard_error: float | None, rows: int, left_out: int = 0) -> Measured:
    """Return a measurement; what overflowed on the way has no value."""
    if not math.isfinite(value):
        return Measured(_TOO_LARGE, None, rows, left_out)
    if standard_error is not None and not math.isfinite(standard_error):
        standard_error = None
    return Measured(float(value), None if standard_error is None else float(standard_error), rows, left_out)


def of_mean(losses: Floats, left_out: int = 0) -> Measured:
    """Return the mean of what each row contributes, with its standard error sd / sqrt(n); one row has none."""
    if not len(losses):
        return Measured(NOTHING_USABLE, left_out=left_out)
    value = float(losses.mean())
    return measured(value, error_of_mean(losses, value), len(losses), left_out)


def error_of_mean(contributions: Floats, mean: float = 0.0) -> float | None:
    """Return the standard error of a mean, given that mean, by the sample variance; None for a single row."""
    rows = len(contributions)
    if rows < 2:
        return None
    deviations = contributions - mean if mean else contributions
    # A dot product: np.std costs ten times as much for chunks of some thousand rows.
    return math.sqrt(float(deviations @ deviations) / (rows - 1) / rows)


def of_share(count: int, rows: int, left_out: int = 0) -> Measured:
    """Return a share of ``rows``, at least one, with the standard error of a binomial share."""
    return measured(count / rows, error_of_share(count, rows), rows, left_out)


def error_of_share(count: int, rows: int) -> float:
    """Return the standard deviation of the share's Beta posterior under Jeffreys's prior, Beta(1/2, 1/2).

    It is sqrt(p (1 - p) / n) but for small counts: 3 of 3 does not claim certainty (Brown, Cai, DasGupta 2001).
    """
    share = (count + 0.5) / (rows + 1)
    return math.sqrt(share * (1 - share) / (rows + 2))
