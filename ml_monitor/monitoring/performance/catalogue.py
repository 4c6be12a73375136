"""Every metric of realised performance by task, in order, and the one function that measures any of them.

Names are short and stable; ``SKLEARN_NAMES`` maps those of scikit-learn, which the metrics of training bear, to them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from ml_core.records import Task
from ml_monitor.monitoring.inputs import Column, refused
from ml_monitor.monitoring.performance import binary, forecasts, labels, multiclass, regression
from ml_monitor.monitoring.performance.binary_rows import BinaryRows
from ml_monitor.monitoring.performance.metric_table import measure_rows
from ml_monitor.monitoring.results import Measured, Metric

METRICS: Mapping[Task, tuple[Metric, ...]] = {
    "regression": tuple(regression.METRICS),
    "binary": tuple(binary.METRICS),
    "multiclass": tuple(multiclass.METRICS),
    "forecast": tuple(forecasts.METRICS),
    "anomaly": (),  # no truth is expected
}
LABEL_METRICS: tuple[Metric, ...] = labels.METRICS

SKLEARN_NAMES: Mapping[str, str] = {
    "mean_absolute_error": "mae",
    "mean_squared_error": "mse",
    "root_mean_squared_error": "rmse",
    "mean_absolute_percentage_error": "mape",
    "r2_score": "r2",
    "accuracy_score": "accuracy",
    "precision_score": "precision",
    "recall_score": "recall",
    "f1_score": "f1",
    "roc_auc_score": "roc_auc",
    "average_precision_score": "average_precision",
    "brier_score_loss": "brier",
    "log_loss_proba": "log_loss",  # the trainers' log_loss is that of hard labels, as the first system had it
}


def find_metric(task: Task, name: str) -> Metric:
    """Return a metric of a task by its name or scikit-learn's; raise ``InvalidInput`` that lists those there are."""
    wanted = SKLEARN_NAMES.get(name, name)
    for metric in METRICS[task]:
        if metric.name == wanted:
            return metric
    known = ", ".join(metric.name for metric in METRICS[task]) or "none"
    raise refused("metric", f"one of {task} ({known}), not {name[:60]!r}")


def headline_of(task: Task, wanted: str | None) -> Metric | None:
    """Return the metric that stands for a model: the one it names, else its task's first; None for a task of none."""
    name = SKLEARN_NAMES.get(wanted or "", wanted)
    named = (metric for metric in METRICS[task] if metric.name == name)
    # A model may name a metric of the client's own, of which the suite measures nothing.
    return next(named, next(iter(METRICS[task]), None))


def measure(
    task: Task,
    truths: Column,
    values: Column,
    scores: Column | pd.DataFrame | None = None,
    names: Iterable[str] | None = None,
    positive: object = None,
) -> dict[str, Measured]:
    """Return the metrics of a chunk by name, in the catalogue's order: all, or those named.

    ``truths`` and ``values`` have one entry for each prediction; a truth that is None or NaN has not come yet. What
    ``scores`` are depends on the task: of a binary classifier an array, the probability (or any score) of the positive
    class; of several classes a DataFrame with a column for each, named as its label (anything else is no scores by
    class); of a forecast a DataFrame with the bounds of its intervals and the naive forecast
    (``forecasts.ForecastRows``); of a regression nothing. ``positive`` names the positive class of
    a binary classifier where its labels do not. Raises ``InvalidInput`` for unequal lengths and unknown names.
    """
    wanted = [metric.name for metric in METRICS[task]]
    if names is not None:
        wanted = [find_metric(task, name).name for name in names]
    if task == "regression":
        return measure_rows(regression.METRICS, regression.NumberRows(truths, values), wanted)
    if task == "binary":
        return measure_rows(binary.METRICS, BinaryRows(truths, values, scores, positive), wanted)
    table = scores if isinstance(scores, pd.DataFrame) else None
    if task == "multiclass":
        return measure_rows(multiclass.METRICS, multiclass.MulticlassRows(truths, values, table), wanted)
    if task == "forecast":
        return measure_rows(forecasts.METRICS, forecasts.ForecastRows(truths, values, table), wanted)
    return {}
