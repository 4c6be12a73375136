"""``refresh``: what the dashboards show of an hour, besides its forecast.

For all servers and main metrics: what the same hour of the day was like before, as documents (``sheet_documents``).
Of the main server, as metric points of the model ``response-time-<application>``, for charts and alert rules:

==================== =============================== ================================================================
metric               segment                         meaning
==================== =============================== ================================================================
absolute_error       1H ... 6H                       error in ms of the last 720 hours, by hours ahead
coverage_80, _95     1H ... 6H                       share of these hours that lay within their bands
percentile_60 ... 99 7 Days, 1 Month, 6 Month        response time in ms at this hour on the days before
hours_missing        (all)                           hours of the last day without a value
==================== =============================== ================================================================

All is as of the end of the hour, and to do it again for an hour gives the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pandas as pd

from forecasting_jobs.response_time.metric_data import HOUR
from forecasting_jobs.response_time.parts import Parts
from forecasting_jobs.response_time.sheet_documents import put_documents
from forecasting_jobs.response_time.sheet_values import REFERENCES, SheetReader, SheetValues, quantiles_known
from forecasting_jobs.response_time.train_model import HORIZON
from ml_core.records import MetricPoint
from ml_core.timeseries.series import Floats

PERCENTILES = (60, 75, 90, 99)
PERFORMANCE_HOURS = 720


def refresh(parts: Parts, until: datetime, reader: SheetReader | None = None) -> int:
    """Store the documents and metric points as of ``until``, the end of an hour; return how many points there are.

    A run of several hours hands its ``reader`` on, so that each series is read once.
    """
    values = (reader or SheetReader(parts, until)).until(until)
    put_documents(parts, values)
    points = [*_performance(parts, until), *_percentiles(parts, values), _missing(parts, values)]
    parts.store.put_metric_points(points)
    return len(points)


def _performance(parts: Parts, until: datetime) -> list[MetricPoint]:
    start = until - PERFORMANCE_HOURS * HOUR
    scored = parts.store.scored_forecasts(parts.series, start, until, model=parts.model)
    scored = scored[scored["truth"].notna()]
    points = []
    for step in range(1, HORIZON + 1):
        rows = scored[scored["horizon"] == step * HOUR]
        if rows.empty:
            continue
        truth = rows["truth"].to_numpy(dtype=np.float64)
        measured = {"absolute_error": np.abs(truth - rows["value"].to_numpy(dtype=np.float64))}
        for level in ("80", "95"):
            measured[f"coverage_{level}"] = _within(rows, truth, level)
        points += [_point(parts.model, name, start, until, values, f"{step}H") for name, values in measured.items()]
    return points


def _within(rows: pd.DataFrame, truth: Floats, level: str) -> Floats:
    lower = rows[f"lower_{level}"].to_numpy(dtype=np.float64)
    upper = rows[f"upper_{level}"].to_numpy(dtype=np.float64)
    return np.asarray((lower <= truth) & (truth <= upper), dtype=np.float64)


def _percentiles(parts: Parts, values: SheetValues) -> list[MetricPoint]:
    hour = values.hours[-1]
    points = []
    for reference in REFERENCES:
        before = values.before(reference, hour)[0, 0]  # the response time of the main server
        if np.isfinite(before).any():
            found = quantiles_known(before, tuple(percentile / 100 for percentile in PERCENTILES))
            for percentile, value in zip(PERCENTILES, found, strict=True):
                name = f"percentile_{percentile}"
                points.append(_point(parts.model, name, hour, values.until, [float(value)], reference))
    return points


def _missing(parts: Parts, values: SheetValues) -> MetricPoint:
    last_day = values.values[0, 0, -1]
    missing = float(np.isnan(last_day).sum())
    return _point(parts.model, "hours_missing", values.hours[-1], values.until, [missing], "")


def _point(
    model: str, metric: str, start: datetime, end: datetime, values: Sequence[float] | Floats, segment: str
) -> MetricPoint:
    array = np.asarray(values, dtype=np.float64)
    return MetricPoint(
        model, metric, start, end, len(array), float(array.sum()), float((array**2).sum()), segment=segment
    )
