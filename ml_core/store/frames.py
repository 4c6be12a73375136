"""The DataFrames that every store returns, built in one place so that their columns and types cannot differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from ml_core.store.base import PREDICTION_COLUMNS, SCORED_COLUMNS, SUMMARY_COLUMNS
from ml_core.store.summaries import Sums, number_of_microseconds

_ROUNDING = 1e-12


def prediction_frame(rows: Sequence[Sequence[Any]]) -> pd.DataFrame:
    """Build a frame from rows in the order of ``PREDICTION_COLUMNS``.

    ``time`` is ``datetime64[us, UTC]``, ``version`` a nullable ``Int64``, ``score`` float64 with NaN where there is
    none; ``value`` is float64 if all values are numbers, else object; ``scores`` holds a dict, or None.
    """
    return _typed(pd.DataFrame(list(rows), columns=list(PREDICTION_COLUMNS), dtype=object))


def scored_frame(rows: Sequence[Sequence[Any]]) -> pd.DataFrame:
    """Build a frame from rows in the order of ``SCORED_COLUMNS``; a missing truth is NaN or None, its time NaT."""
    frame = _typed(pd.DataFrame(list(rows), columns=list(SCORED_COLUMNS), dtype=object))
    frame["truth"] = _numbers_if_all(frame["truth"])
    frame["truth_received_time"] = _times(frame["truth_received_time"])
    return frame


def summary_frame(sums: Mapping[int, Sums], window: timedelta) -> pd.DataFrame:
    """Build a frame with ``SUMMARY_COLUMNS`` from sums by the number of the window, counted from the epoch.

    ``start_time`` is ``datetime64[us, UTC]``, counts are int64, the rest float64.
    """
    columns = np.array(list(sums.values()), dtype="float64").reshape(-1, 4)
    starts = np.fromiter(sums, "int64", len(sums)) * number_of_microseconds(window)
    numbers = columns[:, 1]
    summed = np.where(numbers > 0, numbers, np.nan)
    mean, mean_of_squares = columns[:, 2] / summed, columns[:, 3] / summed
    variance = mean_of_squares - mean**2
    # A difference of great sums: below this nothing but rounding is left, and even less than nothing.
    deviation = np.where(variance <= _ROUNDING * mean_of_squares, summed * 0.0, np.sqrt(np.abs(variance)))
    times = pd.DatetimeIndex(starts.astype("datetime64[us]")).tz_localize(UTC)
    values = (times, columns[:, 0].astype("int64"), numbers.astype("int64"), mean, deviation)
    return pd.DataFrame(dict(zip(SUMMARY_COLUMNS, values, strict=True)))


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    frame["time"] = _times(frame["time"])
    frame["version"] = frame["version"].astype("Int64")
    frame["score"] = frame["score"].astype("float64")
    frame["value"] = _numbers_if_all(frame["value"])
    return frame


def _times(column: pd.Series[Any]) -> pd.Series[Any]:
    if len(column) and isinstance(column.iloc[0], datetime):
        return pd.to_datetime(column, utc=True).astype("datetime64[us, UTC]")
    return pd.to_datetime(column, utc=True, format="ISO8601").astype("datetime64[us, UTC]")


def _numbers_if_all(column: pd.Series[Any]) -> pd.Series[Any]:
    if any(isinstance(value, str) for value in column):
        return column
    return column.astype("float64")
