"""Metrics of a classifier of several classes, each class weighing the same (macro). Definitions are scikit-learn's.

A class of which a metric is undefined is left out of the mean, as with scikit-learn's ``zero_division=nan``: a class
never predicted has no precision, one that did not occur no recall and no ROC AUC. F1 has all classes seen, with 0 for
one that was never met, so a class that a model has forgotten shows there and in recall.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_core.scores import log_losses
from ml_monitor.monitoring.inputs import Column, Floats, one_dimension
from ml_monitor.monitoring.performance import sampling
from ml_monitor.monitoring.performance.calibration import ece_of
from ml_monitor.monitoring.performance.class_scores import ClassScores
from ml_monitor.monitoring.performance.confusion import LabelRows
from ml_monitor.monitoring.performance.metric_table import Table
from ml_monitor.monitoring.performance.ranking import Ranking
from ml_monitor.monitoring.results import Measured, Metric, Undefined

_NO_SCORES = Undefined("no scores by class")


class MulticlassRows(LabelRows):
    """Rows with a truth: labels in a confusion matrix and, where they are there, the scores by class."""

    def __init__(self, truths: Column, values: Column, scores: pd.DataFrame | None = None) -> None:
        """Prepare the rows; ``scores`` has a column for each class, named as its label.

        Raises ``InvalidInput`` for arrays of unequal length and a class with two columns.
        """
        super().__init__(truths, values)
        self.scores = None if scores is None else ClassScores(one_dimension("truths", truths), scores)


def accuracy(rows: MulticlassRows) -> Measured:
    """Return the share of right labels."""
    if not rows.used:
        return _of_labels(rows, sampling.NOTHING_USABLE)
    return sampling.of_share(int(np.trace(rows.matrix)), rows.used, rows.left_out)


def precision(rows: MulticlassRows) -> Measured:
    """Return the mean, over classes that were predicted, of the share of right ones among those predicted so."""
    return _mean_of_shares(rows, rows.matrix.sum(axis=0))


def recall(rows: MulticlassRows) -> Measured:
    """Return the mean, over classes that occurred, of the share of right ones among those truly so."""
    return _mean_of_shares(rows, rows.matrix.sum(axis=1))


def f1(rows: MulticlassRows) -> Measured:
    """Return the mean over all classes seen of the harmonic mean of precision and recall.

    Standard error by the delta method on the cells of the confusion matrix, to which one row spread evenly is added
    (Perks's prior), so that a perfect matrix does not claim certainty.
    """
    if not rows.used:
        return _of_labels(rows, sampling.NOTHING_USABLE)
    value, _ = _mean_f1(rows.matrix.astype(np.float64))
    cells = rows.matrix.astype(np.float64) + 1 / rows.matrix.size
    _, influences = _mean_f1(cells)
    error = math.sqrt(float(np.sum(cells * influences**2))) if len(rows.names) > 1 else None
    return _of_labels(rows, value, error)


def roc_auc(rows: MulticlassRows) -> Measured:
    """Return the mean, over classes that occur, of the ROC AUC of that class's score against all other classes.

    Standard error by DeLong's covariances; None if a class occurs in one row only, or in all but one.
    """
    return _mean_of_rankings(rows, Ranking.auc_influences)


def average_precision(rows: MulticlassRows) -> Measured:
    """Return the mean, over classes that occur, of the average precision of that class's score against all others.

    Standard error by the delta method; None if a class occurs in one row only, or in all but one.
    """
    return _mean_of_rankings(rows, Ranking.average_precision_influences)


def log_loss(rows: MulticlassRows) -> Measured:
    """Return the mean negative log of the probability given to the true class, kept off 0 and 1 by 2e-16."""
    scores = _probabilities(rows)
    if isinstance(scores, Measured):
        return scores
    return sampling.of_mean(log_losses(scores.probabilities_of_truth()), scores.left_out)


def brier(rows: MulticlassRows) -> Measured:
    """Return the mean over rows of the squared distance of all probabilities from the truth, from 0 to 2 (Brier 1950).

    It is twice that of the binary task for two classes, as with scikit-learn's ``scale_by_half=False``.
    """
    scores = _probabilities(rows)
    return scores if isinstance(scores, Measured) else sampling.of_mean(scores.squared_distances(), scores.left_out)


def ece(rows: MulticlassRows) -> Measured:
    """Return the expected calibration error of the likeliest class: how often it is true, held to its probability.

    By that class alone (Guo, Pleiss, Sun, Weinberger 2017): most of the other probabilities are near 0, and would hide
    what is wrong. See ``calibration`` for the bins and the standard error.
    """
    scores = _probabilities(rows)
    if isinstance(scores, Measured):
        return scores
    is_right, confidences = scores.confidences()
    return ece_of(is_right, confidences, left_out=scores.left_out)


def _probabilities(rows: MulticlassRows) -> ClassScores | Measured:
    """Return the scores if they are probabilities, else what is measured without them."""
    scores = rows.scores
    if scores is None:
        return Measured(_NO_SCORES, None, 0, int(np.count_nonzero(rows.known)))
    if scores.no_probabilities is not None:
        return Measured(scores.no_probabilities, None, scores.rows, scores.left_out)
    return scores


def _mean_of_rankings(rows: MulticlassRows, take: Callable[[Ranking], tuple[float, Floats]]) -> Measured:
    """Return the mean over classes against the rest; their influences add, so what they share counts in the error."""
    scores = rows.scores
    if scores is None:
        return Measured(_NO_SCORES, None, 0, int(np.count_nonzero(rows.known)))
    rankings = scores.one_against_the_rest()
    if not rankings:
        return Measured(
            sampling.ONE_CLASS if scores.rows else sampling.NOTHING_USABLE, None, scores.rows, scores.left_out
        )
    values, influences = zip(*(take(ranking) for ranking in rankings), strict=True)
    together = np.sum(influences, axis=0) / len(rankings)
    is_known = all(min(ranking.positives, ranking.negatives) > 1 for ranking in rankings)
    error = math.sqrt(float(together @ together)) if is_known else None
    return sampling.measured(float(np.mean(values)), error, scores.rows, scores.left_out)


def _mean_of_shares(rows: MulticlassRows, totals: NDArray[np.int64]) -> Measured:
    """Return the mean over classes of hits / totals; given the totals, the shares are independent binomials."""
    present = np.flatnonzero(totals)
    if not len(present):
        return _of_labels(rows, sampling.NOTHING_USABLE)
    hits = rows.matrix.diagonal()
    shares = hits[present] / totals[present]
    errors = [sampling.error_of_share(int(hits[place]), int(totals[place])) for place in present]
    return _of_labels(rows, float(shares.mean()), math.hypot(*errors) / len(present))


def _mean_f1(cells: Floats) -> tuple[float, Floats]:
    """Return the mean F1 of a confusion matrix, and the derivative by each of its cells."""
    hits = cells.diagonal()
    sizes = cells.sum(axis=0) + cells.sum(axis=1)
    scores = 2 * hits / sizes
    by_class = -scores / sizes
    slopes = by_class[:, None] + by_class[None, :]
    slopes[np.diag_indices(len(hits))] += 2 / sizes
    return float(scores.mean()), slopes / len(hits)


def _of_labels(rows: MulticlassRows, value: float | Undefined, error: float | None = None) -> Measured:
    return Measured(value, error, rows.used, rows.left_out)


METRICS: Table[MulticlassRows] = {
    Metric("accuracy", "Accuracy", "higher_is_better", 0.0, 1.0): accuracy,
    Metric("precision", "Precision, mean of classes", "higher_is_better", 0.0, 1.0): precision,
    Metric("recall", "Recall, mean of classes", "higher_is_better", 0.0, 1.0): recall,
    Metric("f1", "F1, mean of classes", "higher_is_better", 0.0, 1.0): f1,
    Metric("roc_auc", "ROC AUC, mean of classes against the rest", "higher_is_better", 0.0, 1.0): roc_auc,
    Metric(
        "average_precision", "Average precision, mean of classes against the rest", "higher_is_better", 0.0, 1.0
    ): average_precision,
    Metric("log_loss", "Log loss", "lower_is_better", 0.0): log_loss,
    Metric("brier", "Brier score of all classes", "lower_is_better", 0.0, 2.0): brier,
    Metric("ece", "Expected calibration error of the likeliest class", "lower_is_better", 0.0, 1.0): ece,
}
