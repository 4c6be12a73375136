"""Columns that come from the store or from a client, as arrays; the error names the field and what was expected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ml_core.errors import FieldError, InvalidInput

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Column = ArrayLike | Sequence[Any]
"""One value a row, as an array, a Series or a list; where there is none, None or NaN."""


def one_dimension(field: str, values: Column, rows: int | None = None) -> NDArray[Any]:
    """Return values as an array of one dimension, of length ``rows`` if that is given; raise ``InvalidInput``.

    What is neither a number nor a truth value comes back as objects.
    """
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise refused(field, "one dimension") from error
    if array.ndim != 1:
        raise refused(field, f"one dimension, not {array.ndim}")
    if rows is not None and len(array) != rows:
        raise refused(field, f"as many values as there are truths ({rows}), not {len(array)}")
    # A list that mixes numbers and texts would become texts only: what was a number must be taken from the original.
    return array if array.dtype.kind in "biuf" else np.asarray(values, dtype=object)


def is_missing(array: NDArray[Any]) -> Flags:
    """Return where there is no value: None, NaN or NaT. An infinite number is a value, if a useless one."""
    if array.dtype.kind in "biu":
        return np.zeros(len(array), dtype=np.bool_)
    if array.dtype.kind == "f":
        nothing: Flags = np.isnan(array)
        return nothing
    return np.asarray(pd.isna(array), dtype=np.bool_)


def as_numbers(array: NDArray[Any]) -> Floats:
    """Return values as float64: texts that read as numbers as those, NaN for what is none."""
    if array.dtype.kind in "biuf":
        return array.astype(np.float64, copy=False)
    return np.asarray(pd.to_numeric(pd.Series(array, dtype=object), errors="coerce"), dtype=np.float64)


def refused(field: str, expected: str) -> InvalidInput:
    """Return the error about one field of the input."""
    return InvalidInput(f"{field}: expected {expected}", [FieldError(field, f"expected {expected}")])
