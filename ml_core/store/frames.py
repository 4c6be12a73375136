"""The DataFrames that every store returns, built in one place so that their columns and types cannot differ."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from ml_core.store.base import PREDICTION_COLUMNS, SCORED_COLUMNS


def prediction_frame(rows: Sequence[Sequence[Any]]) -> pd.DataFrame:
    """Build a frame from rows in the order of ``PREDICTION_COLUMNS``.

    ``time`` is ``datetime64[us, UTC]``, ``version`` a nullable ``Int64``, ``score`` float64 with NaN where there is
    none; ``value`` is float64 if all values are numbers, else object.
    """
    return _typed(pd.DataFrame(list(rows), columns=list(PREDICTION_COLUMNS), dtype=object))


def scored_frame(rows: Sequence[Sequence[Any]]) -> pd.DataFrame:
    """Build a frame from rows in the order of ``SCORED_COLUMNS``; a missing truth is NaN or None, its time NaT."""
    frame = _typed(pd.DataFrame(list(rows), columns=list(SCORED_COLUMNS), dtype=object))
    frame["truth"] = _numbers_if_all(frame["truth"])
    frame["truth_received_time"] = _times(frame["truth_received_time"])
    return frame


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
