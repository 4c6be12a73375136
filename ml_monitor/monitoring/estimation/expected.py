"""Expected classification metrics when each truth is 1 with a known probability, independently of the others.

Each function returns the metric with every truth replaced by its probability, and its derivative with respect to each
truth. The derivative gives the standard error by the delta method (see ``standard_error``). With probabilities that are
0 or 1 the values are the realised metrics of scikit-learn's definitions.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ml_monitor.monitoring.results import Number, Undefined

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

# Sums of float64 probabilities that should be 0 come out a little beside it.
_NOTHING = 1e-9


class Expected(NamedTuple):
    """The expected value of a metric and its derivative by the truth of each row; zeros where it is undefined."""

    value: Number
    slopes: Floats


def accuracy(predicted: Flags, probabilities: Floats) -> Expected:
    """Return the expected share of right labels: the mean of p where 1 is predicted, of 1 - p elsewhere."""
    rows = len(predicted)
    right = np.where(predicted, probabilities, 1.0 - probabilities)
    return Expected(float(np.mean(right)), np.where(predicted, 1.0, -1.0) / rows)


def precision(predicted: Flags, probabilities: Floats) -> Expected:
    """Return the expected share of truly positive rows among those predicted positive."""
    count = int(np.count_nonzero(predicted))
    if not count:
        return _undefined("no row is predicted positive", probabilities)
    return Expected(float(np.sum(probabilities[predicted])) / count, predicted / count)


def recall(predicted: Flags, probabilities: Floats) -> Expected:
    """Return the share of the expected positives that are predicted positive."""
    positives = float(np.sum(probabilities))
    if positives < _NOTHING:
        return _undefined("no positive row is expected", probabilities)
    value = float(np.sum(probabilities[predicted])) / positives
    return Expected(value, (predicted.astype(np.float64) - value) / positives)


def f1(predicted: Flags, probabilities: Floats) -> Expected:
    """Return 2 TP / (predicted positives + expected positives), the harmonic mean of precision and recall."""
    both = np.count_nonzero(predicted) + float(np.sum(probabilities))
    if both < _NOTHING:
        return _undefined("no row is predicted positive and none is expected to be", probabilities)
    value = 2.0 * float(np.sum(probabilities[predicted])) / both
    return Expected(value, (2.0 * predicted - value) / both)


def confusion_counts(predicted: Flags, probabilities: Floats) -> dict[str, Expected]:
    """Return the expected counts of true and false positives and negatives, by name, in rows."""
    kept, passed = predicted.astype(np.float64), (~predicted).astype(np.float64)
    true_positives = float(np.sum(probabilities[predicted]))
    false_negatives = float(np.sum(probabilities[~predicted]))
    return {
        "true_positives": Expected(true_positives, kept),
        "false_positives": Expected(float(np.sum(kept)) - true_positives, -kept),
        "false_negatives": Expected(false_negatives, passed),
        "true_negatives": Expected(float(np.sum(passed)) - false_negatives, -passed),
    }


def ranking(scores: Floats, probabilities: Floats) -> dict[str, Expected]:
    """Return the expected ``roc_auc`` and ``average_precision`` of the scores; both come from one sort.

    ROC AUC is the Mann-Whitney probability with ties counting half, average precision the sum of precision over the
    steps of recall, one step for each distinct score.
    """
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    ends = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), len(ordered) - 1)
    sizes = np.diff(ends, prepend=-1)
    above = np.cumsum(probabilities[order])[ends]
    positives, negatives = float(above[-1]), len(scores) - float(above[-1])
    group = np.empty(len(scores), dtype=np.intp)
    group[order] = np.repeat(np.arange(len(ends)), sizes)
    if positives < _NOTHING:
        nothing = _undefined("one class only: no positive row is expected", probabilities)
        return {"roc_auc": nothing, "average_precision": nothing}
    here = np.diff(above, prepend=0.0)
    average_precision = _average_precision(here, above, ends + 1.0, group)
    if negatives < _NOTHING:
        nothing = _undefined("one class only: no negative row is expected", probabilities)
        return {"roc_auc": nothing, "average_precision": average_precision}
    return {"roc_auc": _roc_auc(here, above, sizes, group), "average_precision": average_precision}


def standard_error(slopes: Floats, probabilities: Floats) -> float:
    """Return the standard deviation of the realised metric around its expected value, to first order.

    Truths are Bernoulli variables with variance p (1 - p), independent given the inputs (the delta method).
    """
    return math.sqrt(float(np.sum(probabilities * (1.0 - probabilities) * slopes**2)))


def widen(rows: int, reference_rows: int) -> float:
    """Return by how much a standard error grows because the reference, too, is a sample.

    What the reference taught is off by about the error of a chunk of its size, independently of the chunk: variances
    add up to those of a chunk times 1 + rows / reference rows.
    """
    return math.sqrt(1 + rows / reference_rows)


def _roc_auc(here: Floats, above: Floats, sizes: NDArray[np.intp], group: NDArray[np.intp]) -> Expected:
    """Return ROC AUC from the expected positives within and down to each group of equal scores, highest first."""
    positives = above[-1]
    negative_here = sizes - here
    negatives = float(np.sum(negative_here))
    lower_negatives = negatives - np.cumsum(negative_here) + negative_here / 2
    higher_positives = above - here / 2
    value = float(np.sum(here * lower_negatives) / (positives * negatives))
    slopes = (lower_negatives - higher_positives) / (positives * negatives)
    return Expected(value, (slopes - value * (1 / positives - 1 / negatives))[group])


def _average_precision(here: Floats, above: Floats, ranks: Floats, group: NDArray[np.intp]) -> Expected:
    """Return average precision from the same groups; ``ranks`` are the rows down to and with each group."""
    positives = above[-1]
    precisions = above / ranks
    value = float(np.sum(here * precisions) / positives)
    # A truth raises the precision of its own group and of all groups below it.
    below = np.cumsum((here / ranks)[::-1])[::-1]
    return Expected(value, ((precisions + below - value) / positives)[group])


def _undefined(reason: str, probabilities: Floats) -> Expected:
    return Expected(Undefined(reason), np.zeros(len(probabilities)))
