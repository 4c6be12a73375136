"""What an estimator gives for a chunk, the metrics that can be estimated, and the note that every estimate carries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ml_monitor.monitoring.results import Measured, Metric, Undefined

CONCEPT_DRIFT_NOTE = (
    "An estimate trusts what the reference taught about truth given the inputs. If that relation has changed "
    "(concept drift), the estimate cannot see it: only arriving ground truth can."
)

CLASSIFICATION_METRICS: tuple[Metric, ...] = (
    Metric("accuracy", "Accuracy", "higher_is_better", 0.0, 1.0),
    Metric("precision", "Precision", "higher_is_better", 0.0, 1.0),
    Metric("recall", "Recall", "higher_is_better", 0.0, 1.0),
    Metric("f1", "F1", "higher_is_better", 0.0, 1.0),
    Metric("roc_auc", "ROC AUC", "higher_is_better", 0.0, 1.0),
    Metric("average_precision", "Average precision", "higher_is_better", 0.0, 1.0),
)

CONFUSION_METRICS: tuple[Metric, ...] = (
    Metric("true_positives", "True positives", "higher_is_better", 0.0),
    Metric("false_positives", "False positives", "lower_is_better", 0.0),
    Metric("false_negatives", "False negatives", "lower_is_better", 0.0),
    Metric("true_negatives", "True negatives", "higher_is_better", 0.0),
)

LOSS_METRICS: tuple[Metric, ...] = (
    Metric("mae", "Mean absolute error", "lower_is_better", 0.0),
    Metric("mse", "Mean squared error", "lower_is_better", 0.0),
    Metric("rmse", "Root mean squared error", "lower_is_better", 0.0),
)


@dataclass(frozen=True, slots=True)
class Estimate:
    """The estimated metrics of one chunk by name, what they rest on, and what they cannot see.

    A standard error is that of the realised value around the estimate: it holds the sampling of the chunk's truths and
    of the reference, and nothing of concept drift.
    """

    metrics: Mapping[str, Measured]
    basis: str
    note: str = CONCEPT_DRIFT_NOTE


def undefined_estimate(metrics: tuple[Metric, ...], reason: str, rows: int, basis: str) -> Estimate:
    """Return an estimate that has no value for any of the metrics, for one reason."""
    return Estimate({metric.name: Measured(Undefined(reason), None, rows) for metric in metrics}, basis)
