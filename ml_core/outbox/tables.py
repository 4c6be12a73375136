"""Makes columns of plain values of what callers hand over: data frames, arrays, lists and dicts.

Nothing here imports pandas: a frame is whatever has columns by name that turn into arrays. Columns of numbers stay
arrays, so that a batch of a thousand rows costs a fraction of a millisecond.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_core.clock import format_time, parse_time
from ml_core.errors import FieldError, InvalidInput
from ml_core.records import MODEL_NAME, Feature

Column = NDArray[Any] | list[Any]
"""Numbers as an array, which JSON takes as it is, or a list of plain values."""

MOST_SPARSE_COLUMNS = 1000
_TEXT_CHARACTERS = 10_000
_ID_CHARACTERS = 255
_MISSING = frozenset({"NAType", "NaTType"})  # of pandas, which may not even be installed
_LARGEST_INTEGER = 2**63


def invalid(field: str, message: str) -> InvalidInput:
    """Return the error for one wrong argument."""
    return InvalidInput(f"{field}: {message}", [FieldError(field, message)])


def read_columns(features: Any, names: Sequence[str] | None = None) -> tuple[dict[str, Column], int]:
    """Return the columns of a table by name, and its number of rows.

    ``features`` is a data frame, an array of two dimensions or a list of rows (named by ``names``, else ``x0``, ``x1``
    and so on), a sparse matrix, a list of texts (one column), a list of dicts, or a dict for a single row; a key that a
    dict lacks is missing (null). Raises ``InvalidInput``.
    """
    if hasattr(features, "columns") and hasattr(features, "to_numpy"):
        return _of_frame(features)
    if isinstance(features, Mapping):
        return _of_dicts([features])
    if isinstance(features, Sequence) and features and isinstance(features[0], Mapping):
        return _of_dicts(features)
    if hasattr(features, "toarray"):
        if features.shape[1] > MOST_SPARSE_COLUMNS:
            raise invalid("features", f"expected at most {MOST_SPARSE_COLUMNS} columns of a sparse matrix")
        features = features.toarray()
    array = _as_array(features)
    if array.ndim == 1 and array.dtype.kind in "OU" and len(array):
        array = array.reshape(-1, 1)  # texts, as pipelines take them
    if array.ndim != 2:
        raise invalid("features", "expected a data frame, an array of rows and columns, or dicts")
    named = [f"x{place}" for place in range(array.shape[1])] if names is None else [str(name) for name in names]
    if len(named) != array.shape[1]:
        raise invalid("feature_names", f"expected a name for each of {array.shape[1]} columns, not {len(named)}")
    return {name: read_column(column) for name, column in zip(named, array.T, strict=True)}, len(array)


def read_values(field: str, values: Any, rows: int) -> Column:
    """Return a value for each row, true and false as 1 and 0; raise ``InvalidInput`` that names ``field``."""
    array = _as_array(values)
    if array.ndim == 0:
        array = array.reshape(1)
    elif array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or len(array) != rows:
        raise invalid(field, f"expected one value for each of {rows} rows, not an array of shape {array.shape}")
    if array.dtype.kind == "b":
        return array.astype(np.int8)
    column = read_column(array)
    return [int(each) if isinstance(each, bool) else each for each in column] if isinstance(column, list) else column


def read_ids(ids: Any) -> list[str]:
    """Return ids as texts; raise ``InvalidInput`` for one that the monitor would not take."""
    given = ids.tolist() if hasattr(ids, "tolist") else list(ids)
    read = [each if isinstance(each, str) else str(each) for each in given]
    if not all(0 < len(each) <= _ID_CHARACTERS for each in read):
        raise invalid("ids", f"expected ids of 1 to {_ID_CHARACTERS} characters")
    return [_text(each) for each in read]


def read_name(model: str) -> str:
    """Return the name of a model; raise ``InvalidInput`` for one that no model may have."""
    if not isinstance(model, str) or not MODEL_NAME.fullmatch(model):
        raise invalid(
            "model",
            f"expected 1 to 64 letters, digits, '_', '.' or '-', starting with a letter or digit, not {model!r:.80}",
        )
    return model


def read_truths(truths: Any, values: Any) -> tuple[list[str], Any]:
    """Return the ids and the true values out of any form in which both may come; raise ``InvalidInput``."""
    if values is None and isinstance(truths, Mapping):
        return read_ids(truths), list(truths.values())
    if values is None and hasattr(truths, "columns"):
        lacking = {"prediction_id", "value"} - {str(name) for name in truths.columns}
        if lacking:
            raise invalid("truths", f"expected columns prediction_id and value; {' and '.join(sorted(lacking))} lacks")
        return read_ids(truths["prediction_id"]), truths["value"]
    if values is None:
        raise invalid("values", "expected a true value for each id")
    return read_ids([truths] if isinstance(truths, str) else truths), values


def read_times(times: Any, rows: int) -> list[str]:
    """Return a time for each row as ISO 8601; raise ``InvalidInput`` for one without an offset."""
    given = times.tolist() if hasattr(times, "tolist") and not isinstance(times, datetime) else times
    given = [given] * rows if isinstance(given, (str, datetime)) else list(given)
    if len(given) != rows:
        raise invalid("times", f"expected one for each of {rows} rows, not {len(given)}")
    try:
        return [format_time(parse_time(time) if isinstance(time, str) else time) for time in given]
    except (ValueError, AttributeError, TypeError) as error:
        raise invalid("times", f"expected aware times: {error}") from None


def read_column(array: Any) -> Column:
    """Return a column of one dimension as JSON takes it: numbers as they are, all else as plain values."""
    kind = array.dtype.kind
    if kind == "f":
        return np.ascontiguousarray(array if array.dtype.itemsize in (4, 8) else array.astype(np.float64))
    if kind in "iub":
        return np.ascontiguousarray(array)
    return [plain(value) for value in array.tolist()]


def plain(value: Any) -> Feature:
    """Return any value as a feature: a number, text, true, false or, where it is missing or not finite, None."""
    if value is None or isinstance(value, (bool, np.bool_)):
        return None if value is None else bool(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, (int, np.integer)):
        return int(value) if abs(int(value)) < _LARGEST_INTEGER else _text(str(value))
    if isinstance(value, (float, np.floating, Decimal)):
        return float(value) if math.isfinite(value) else None
    if type(value).__name__ in _MISSING:
        return None
    return _text(value.isoformat() if isinstance(value, date) else str(value))


def _text(text: str) -> str:
    cut = text[:_TEXT_CHARACTERS]
    return cut if cut.isascii() else cut.encode("utf-8", "replace").decode()  # half of a surrogate pair is no text


def _of_frame(frame: Any) -> tuple[dict[str, Column], int]:
    names = [str(name) for name in frame.columns]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise invalid("features", f"expected columns of different names; {twice[:60]!r} is there twice")
    columns = zip(names, frame.columns, strict=True)
    return {name: read_column(frame[column].to_numpy()) for name, column in columns}, len(frame)


def _of_dicts(rows: Sequence[Any]) -> tuple[dict[str, Column], int]:
    if not all(isinstance(row, Mapping) for row in rows):
        raise invalid("features", "expected a dict for each row")
    names = dict.fromkeys(name for row in rows for name in row)
    return {str(name): [plain(row.get(name)) for row in rows] for name in names}, len(rows)


def _as_array(values: Any) -> NDArray[Any]:
    if hasattr(values, "to_numpy"):
        values = values.to_numpy()
    try:
        array = np.asarray(values)
    except ValueError:  # rows of different lengths
        raise invalid("features", "expected rows of one length") from None
    if array.dtype.kind not in "US" or isinstance(values, np.ndarray):
        return array
    return np.asarray(values, dtype=object)  # numpy makes texts of what stands beside a text
