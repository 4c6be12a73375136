"""Arrays that come from outside, checked: the error names the field and what was expected."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ml_core.errors import FieldError, InvalidInput
from ml_monitor.monitoring.estimation.expected import Floats


def numbers(field: str, values: ArrayLike) -> Floats:
    """Return values as one dimension of float64; raise ``InvalidInput`` that names the field."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise refused(field, "numbers") from error
    if array.ndim != 1:
        raise refused(field, f"one dimension, not {array.ndim}")
    return array


def zeros_and_ones(field: str, values: ArrayLike, rows: int) -> Floats:
    """Return labels as float64 0 and 1 with NaN where one is missing; raise ``InvalidInput`` for anything else."""
    labels = numbers(field, values)
    if len(labels) != rows:
        raise refused(field, f"as many values as there are scores ({rows}), not {len(labels)}")
    if not np.all((labels == 0) | (labels == 1) | np.isnan(labels)):
        raise refused(field, "0 or 1")
    return labels


def refused(field: str, expected_input: str) -> InvalidInput:
    """Return the error about one field of the input."""
    return InvalidInput(f"{field}: expected {expected_input}", [FieldError(field, f"expected {expected_input}")])


def table(field: str, values: ArrayLike, columns: int) -> Floats:
    """Return values as rows of so many float64; raise ``InvalidInput`` that names the field."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise refused(field, "rows of numbers") from error
    if array.ndim != 2 or array.shape[1] != columns:
        raise refused(field, f"rows of {columns} numbers, not the shape {array.shape}")
    return array
