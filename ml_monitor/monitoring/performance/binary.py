"""Metrics of a binary classifier: of its labels, of the order of its scores, and of its scores as probabilities.

Definitions are scikit-learn's, but where that warns and returns 0 there is no value here: the precision of a model that
predicted nothing positive is undefined.
"""

from __future__ import annotations

import numpy as np

from ml_core.scores import log_losses
from ml_monitor.monitoring.performance import sampling
from ml_monitor.monitoring.performance.binary_rows import BinaryRows
from ml_monitor.monitoring.performance.calibration import ece_of
from ml_monitor.monitoring.performance.metric_table import Table
from ml_monitor.monitoring.results import Measured, Metric, Undefined


def accuracy(rows: BinaryRows) -> Measured:
    """Return the share of right labels."""
    true_positives, _, _, true_negatives = rows.confusion
    return _share(rows, true_positives + true_negatives, sum(rows.confusion), sampling.NOTHING_USABLE)


def precision(rows: BinaryRows) -> Measured:
    """Return the share of right ones among those predicted positive."""
    if rows.trouble:
        return _of_labels(rows, rows.trouble)
    true_positives, false_positives, _, _ = rows.confusion
    return _share(rows, true_positives, true_positives + false_positives, Undefined("nothing was predicted positive"))


def recall(rows: BinaryRows) -> Measured:
    """Return the share of the truly positive that were predicted so."""
    if rows.trouble:
        return _of_labels(rows, rows.trouble)
    true_positives, _, false_negatives, _ = rows.confusion
    return _share(rows, true_positives, true_positives + false_negatives, Undefined("nothing is truly positive"))


def f1(rows: BinaryRows) -> Measured:
    """Return the harmonic mean of precision and recall.

    It is 2q / (1 + q) of the share q of true positives among the rows positive in truth or by prediction, so its
    standard error is that of q times 2 / (1 + q)^2: the delta method.
    """
    if rows.trouble:
        return _of_labels(rows, rows.trouble)
    true_positives, false_positives, false_negatives, _ = rows.confusion
    either = true_positives + false_positives + false_negatives
    if not either:
        return _of_labels(rows, Undefined("nothing is or was predicted positive"))
    share = (true_positives + 0.5) / (either + 1)
    error = sampling.error_of_share(true_positives, either) * 2 / (1 + share) ** 2
    return _of_labels(rows, 2 * true_positives / (either + true_positives), error)


def roc_auc(rows: BinaryRows) -> Measured:
    """Return the probability that a positive row scores above a negative one, ties counting half."""
    return _of_scores(rows, rows.no_ranking) if rows.no_ranking else rows.ranking.roc_auc(rows.without_score)


def average_precision(rows: BinaryRows) -> Measured:
    """Return the mean, over positive rows, of the precision among the rows that score at least as high."""
    return _of_scores(rows, rows.no_ranking) if rows.no_ranking else rows.ranking.average_precision(rows.without_score)


def log_loss(rows: BinaryRows) -> Measured:
    """Return the mean negative log likelihood of the truths, probabilities kept off 0 and 1 by 2e-16."""
    if rows.no_probabilities:
        return _of_scores(rows, rows.no_probabilities)
    positive, scores = rows.scored
    return sampling.of_mean(log_losses(np.where(positive, scores, 1 - scores)), rows.without_score)


def brier(rows: BinaryRows) -> Measured:
    """Return the mean squared distance of the probabilities from the truths, 0 or 1."""
    if rows.no_probabilities:
        return _of_scores(rows, rows.no_probabilities)
    positive, scores = rows.scored
    return sampling.of_mean((scores - positive) ** 2, rows.without_score)


def ece(rows: BinaryRows) -> Measured:
    """Return the expected calibration error over ten bins of equal width; see ``calibration``."""
    if rows.no_probabilities:
        return _of_scores(rows, rows.no_probabilities)
    return ece_of(*rows.scored, left_out=rows.without_score)


def _share(rows: BinaryRows, count: int, of: int, empty: Undefined) -> Measured:
    return _of_labels(rows, count / of, sampling.error_of_share(count, of)) if of else _of_labels(rows, empty)


def _of_labels(rows: BinaryRows, value: float | Undefined, error: float | None = None) -> Measured:
    return Measured(value, error, sum(rows.confusion), rows.without_label)


def _of_scores(rows: BinaryRows, reason: Undefined) -> Measured:
    return Measured(reason, None, len(rows.scored[1]), rows.without_score)


METRICS: Table[BinaryRows] = {
    Metric("accuracy", "Accuracy", "higher_is_better", 0.0, 1.0): accuracy,
    Metric("precision", "Precision", "higher_is_better", 0.0, 1.0): precision,
    Metric("recall", "Recall", "higher_is_better", 0.0, 1.0): recall,
    Metric("f1", "F1", "higher_is_better", 0.0, 1.0): f1,
    Metric("roc_auc", "ROC AUC", "higher_is_better", 0.0, 1.0): roc_auc,
    Metric("average_precision", "Average precision", "higher_is_better", 0.0, 1.0): average_precision,
    Metric("log_loss", "Log loss", "lower_is_better", 0.0): log_loss,
    Metric("brier", "Brier score", "lower_is_better", 0.0, 1.0): brier,
    Metric("ece", "Expected calibration error", "lower_is_better", 0.0, 1.0): ece,
}
