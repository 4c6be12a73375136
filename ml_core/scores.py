"""Score functions in numpy alone, so that a web process can use them. Tests hold them to scikit-learn within 1e-9.

All take one-dimensional arrays of equal length. Definitions are scikit-learn's, whose names they bear.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_EPSILON = float(np.finfo(np.float64).eps)


def mean_squared_error(truths: ArrayLike, values: ArrayLike) -> float:
    """Return the mean of the squared errors, in squared units of the target."""
    y, p = _numbers(truths, values)
    return float(np.mean((y - p) ** 2))


def mean_absolute_error(truths: ArrayLike, values: ArrayLike) -> float:
    """Return the mean of the absolute errors, in units of the target."""
    y, p = _numbers(truths, values)
    return float(np.mean(np.abs(y - p)))


def r2_score(truths: ArrayLike, values: ArrayLike) -> float:
    """Return the share of the variance explained: 1 is perfect, 0 as good as the mean, below 0 worse.

    A constant target has no variance to explain: 1.0 if it is met exactly, else 0.0. Raises ``ValueError`` for fewer
    than two values, for which it is undefined.
    """
    y, p = _numbers(truths, values)
    if len(y) < 2:
        raise ValueError("r2_score is undefined for fewer than two values")
    residual = float(np.sum((y - p) ** 2))
    # The mean of three 0.1 is not 0.1 in floating point, so a constant is told by its values, not by its variance.
    total = 0.0 if np.all(y == y[0]) else float(np.sum((y - y.mean()) ** 2))
    if total == 0:
        return 1.0 if residual == 0 else 0.0
    return 1.0 - residual / total


def accuracy_score(truths: ArrayLike, values: ArrayLike) -> float:
    """Return the share of right labels."""
    y, p = _labels(truths, values)
    return float(np.mean(y == p))


def confusion_matrix(truths: ArrayLike, values: ArrayLike) -> list[list[int]]:
    """Return counts with true classes as rows and predicted ones as columns, in sorted order of all labels seen."""
    y, p = _labels(truths, values)
    classes = np.unique(np.concatenate([y, p]))
    counts = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(counts, (np.searchsorted(classes, y), np.searchsorted(classes, p)), 1)
    return [[int(count) for count in row] for row in counts]


def precision_score(truths: ArrayLike, values: ArrayLike, positive: object = 1) -> float:
    """Return the share of right ones among those predicted ``positive``; 0.0 if none was."""
    y, p = _labels(truths, values)
    predicted = p == positive
    return float(np.mean(y[predicted] == positive)) if predicted.any() else 0.0


def recall_score(truths: ArrayLike, values: ArrayLike, positive: object = 1) -> float:
    """Return the share of the truly ``positive`` that were predicted so; 0.0 if there was none."""
    y, p = _labels(truths, values)
    actual = y == positive
    return float(np.mean(p[actual] == positive)) if actual.any() else 0.0


def log_loss(truths: ArrayLike, probabilities: ArrayLike) -> float:
    """Return the mean negative log likelihood of binary truths (0 or 1) under the probabilities of class 1.

    Probabilities are kept off 0 and 1 by the float64 epsilon, as scikit-learn does, so that a hard label costs about
    36 where it is wrong.
    """
    y, p = _numbers(truths, probabilities)
    return float(np.mean(log_losses(np.where(y == 1, p, 1 - p))))


def log_losses(probabilities: Floats) -> Floats:
    """Return the loss of each row, given the probability of the class that was true; see ``log_loss``."""
    return -np.log(np.clip(probabilities, _EPSILON, 1 - _EPSILON))


def roc_auc_score(truths: ArrayLike, scores: ArrayLike) -> float:
    """Return the probability that a positive (1) scores above a negative (0), ties counting half (Mann-Whitney U).

    Raises ``ValueError`` if there is one class only.
    """
    y, s = _numbers(truths, scores)
    positives = int(np.sum(y == 1))
    negatives = len(y) - positives
    if not positives or not negatives:
        raise ValueError("roc_auc_score is undefined for one class only")
    _, inverse, counts = np.unique(s, return_inverse=True, return_counts=True)
    mean_ranks = np.cumsum(counts) - (counts - 1) / 2
    rank_sum = float(np.sum(mean_ranks[inverse][y == 1]))
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)


def _numbers(truths: ArrayLike, values: ArrayLike) -> tuple[Floats, Floats]:
    y, p = np.asarray(truths, dtype=np.float64), np.asarray(values, dtype=np.float64)
    _check(y, p)
    return y, p


def _labels(truths: ArrayLike, values: ArrayLike) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    y, p = np.asarray(truths), np.asarray(values)
    _check(y, p)
    return y, p


def _check(y: NDArray[np.generic], p: NDArray[np.generic]) -> None:
    if y.ndim != 1 or y.shape != p.shape:
        raise ValueError(f"expected two one-dimensional arrays of equal length, not shapes {y.shape} and {p.shape}")
    if not len(y):
        raise ValueError("expected at least one value")
