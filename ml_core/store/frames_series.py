"""The DataFrames of series and metrics that every store returns, built in one place, as those in ``frames.py``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pandas as pd

from ml_core.records import MetricPoint, Observation
from ml_core.store.base_series import (
    FORECAST_COLUMNS,
    METRIC_COLUMNS,
    METRIC_TABLE_COLUMNS,
    OBSERVATION_COLUMNS,
)
from ml_core.store.deciding_metrics import merged, metric_row

_TIME = "datetime64[us, UTC]"
_METRIC_TYPES = {
    **dict.fromkeys(("start_time", "end_time"), _TIME),
    **dict.fromkeys(("version", "count"), "int64"),
    **dict.fromkeys(("mean", "standard_deviation", "total", "total_of_squares"), "float64"),
}


def metric_frame(points: Iterable[MetricPoint], window: timedelta | None) -> pd.DataFrame:
    """Build a frame with ``METRIC_COLUMNS``, in order of time, of points that are merged if there is a window."""
    rows = [metric_row(point) for point in (points if window is None else merged(points, window))]
    rows.sort(key=lambda row: row[:4])
    return _frame(rows, METRIC_COLUMNS, _METRIC_TYPES)


def metric_table_frame(points: Iterable[MetricPoint]) -> pd.DataFrame:
    """Build a frame with ``METRIC_TABLE_COLUMNS``, in order of metric and time."""
    rows = [[point.metric, *metric_row(point)] for point in points]
    rows.sort(key=lambda row: row[:5])
    return _frame(rows, METRIC_TABLE_COLUMNS, _METRIC_TYPES)


def observation_frame(rows: Iterable[Observation]) -> pd.DataFrame:
    """Build a frame with ``OBSERVATION_COLUMNS`` of observations in order of time."""
    values = [(row.time, row.value, row.received_time) for row in rows]
    return _frame(values, OBSERVATION_COLUMNS, {"time": _TIME, "value": "float64", "received_time": _TIME})


def forecast_frame(rows: Iterable[tuple[Any, ...]]) -> pd.DataFrame:
    """Build a frame of rows in the order of ``FORECAST_COLUMNS``; bounds that a step does not have are NaN."""
    types = dict.fromkeys(FORECAST_COLUMNS[4:], "float64")
    return _frame(rows, FORECAST_COLUMNS, types | {"version": "Int64", "issue_time": _TIME, "valid_time": _TIME})


def _frame(rows: Iterable[Sequence[Any]], columns: Sequence[str], types: Mapping[str, str]) -> pd.DataFrame:
    # By way of object, so that an empty frame and one without a single bound have the same types as any other.
    return pd.DataFrame(list(rows), columns=list(columns), dtype=object).astype(dict(types))
