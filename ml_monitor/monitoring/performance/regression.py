"""Metrics of a regression: how far predicted numbers lie from the true ones. Definitions are scikit-learn's.

Two differ on purpose: where a truth is 0, scikit-learn's MAPE divides by 2e-16, here the row is left out; and R2 of a
constant target, there 0 or 1, is undefined here. sMAPE and bias scikit-learn does not have.
"""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np

from ml_monitor.monitoring.inputs import Column, Floats, as_numbers, is_missing, one_dimension
from ml_monitor.monitoring.performance import sampling
from ml_monitor.monitoring.performance.metric_table import Table
from ml_monitor.monitoring.results import Measured, Metric, Undefined


class NumberRows:
    """Rows with a true and a predicted number; ``left_out`` had a truth, but either number is not finite."""

    def __init__(self, truths: Column, values: Column) -> None:
        """Prepare the rows; raise ``InvalidInput`` for arrays of unequal length or more than one dimension."""
        found = one_dimension("truths", truths)
        predicted = as_numbers(one_dimension("values", values, len(found)))
        true = as_numbers(found)
        self.usable = np.isfinite(true) & np.isfinite(predicted)
        labelled = len(found) - int(np.count_nonzero(is_missing(found)))
        self.truths: Floats = true if self.usable.all() else true[self.usable]
        self.values: Floats = predicted if self.usable.all() else predicted[self.usable]
        self.left_out = labelled - len(self.truths)
        self.absent = sampling.absence(len(found), labelled)

    @cached_property
    def errors(self) -> Floats:
        """Prediction minus truth."""
        return self.values - self.truths

    @cached_property
    def absolute(self) -> Floats:
        """The size of each error."""
        return np.abs(self.errors)

    @cached_property
    def squared(self) -> Floats:
        """The square of each error."""
        return self.errors * self.errors


def mae(rows: NumberRows) -> Measured:
    """Return the mean absolute error, in units of the target."""
    return sampling.of_mean(rows.absolute, rows.left_out)


def mse(rows: NumberRows) -> Measured:
    """Return the mean squared error, in squared units of the target."""
    return sampling.of_mean(rows.squared, rows.left_out)


def rmse(rows: NumberRows) -> Measured:
    """Return the root of the mean squared error; its standard error is that of the mean divided by twice the root."""
    squares = mse(rows)
    if isinstance(squares.value, Undefined):
        return squares
    root = math.sqrt(squares.value)
    error = squares.standard_error
    return sampling.measured(root, error / (2 * root) if error and root else error, squares.rows, rows.left_out)


def mape(rows: NumberRows) -> Measured:
    """Return the mean of |error| / |truth|, as a share; rows whose truth is 0 are left out."""
    sizes = np.abs(rows.truths)
    divisible = sizes > 0
    if divisible.all():
        return sampling.of_mean(rows.absolute / sizes, rows.left_out)
    left_out = rows.left_out + int(np.count_nonzero(~divisible))
    if not divisible.any():
        return Measured(Undefined("every truth is 0"), left_out=left_out)
    return sampling.of_mean(rows.absolute[divisible] / sizes[divisible], left_out)


def smape(rows: NumberRows) -> Measured:
    """Return the mean of |error| / ((|truth| + |prediction|) / 2), 0 to 2; a row with both 0 is met and counts 0."""
    sizes = (np.abs(rows.truths) + np.abs(rows.values)) / 2
    return sampling.of_mean(np.divide(rows.absolute, sizes, out=np.zeros(len(sizes)), where=sizes > 0), rows.left_out)


def r2(rows: NumberRows) -> Measured:
    """Return the share of the variance explained: 1 is perfect, 0 as good as the mean, below 0 worse.

    Standard error by the delta method: with e the error of a row and d the distance of its truth from their mean, the
    influence of the row is ((1 - R2) d^2 - e^2) / mean(d^2).
    """
    count = len(rows.truths)
    if count < 2:
        return Measured(Undefined("fewer than two rows"), None, count, rows.left_out)
    # The mean of three 0.1 is not 0.1 in floating point, so a constant is told by its values, not by its variance.
    distances = rows.truths - rows.truths.mean()
    spread = distances * distances
    variance = float(spread.mean())
    if variance == 0 or bool((rows.truths == rows.truths[0]).all()):
        return Measured(Undefined("the truths are constant"), None, count, rows.left_out)
    unexplained = float(rows.squared.mean()) / variance
    influences = (unexplained * spread - rows.squared) / variance
    return sampling.measured(1 - unexplained, sampling.error_of_mean(influences), count, rows.left_out)


def bias(rows: NumberRows) -> Measured:
    """Return the mean of prediction minus truth, in units of the target: above 0 the model says too much."""
    return sampling.of_mean(rows.errors, rows.left_out)


METRICS: Table[NumberRows] = {
    Metric("mae", "Mean absolute error", "lower_is_better", 0.0): mae,
    Metric("mse", "Mean squared error", "lower_is_better", 0.0): mse,
    Metric("rmse", "Root mean squared error", "lower_is_better", 0.0): rmse,
    Metric("mape", "Mean absolute percentage error", "lower_is_better", 0.0): mape,
    Metric("smape", "Symmetric mean absolute percentage error", "lower_is_better", 0.0, 2.0): smape,
    Metric("r2", "R2", "higher_is_better", None, 1.0): r2,
    Metric("bias", "Bias", "nearer_zero_is_better"): bias,
}
