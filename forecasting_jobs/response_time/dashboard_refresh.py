"""``refresh``: what the dashboards show of an hour, besides its forecast.

Stored as metric points of the model ``response-time-<application>``, for pages, charts and alert rules:

==================== =============================== ================================================================
metric               segment                         meaning
==================== =============================== ================================================================
absolute_error       1H ... 6H                       error in ms of the last 720 hours, by hours ahead
coverage_80, _95     1H ... 6H                       share of these hours that lay within their bands
percentile_60 ... 99 7 Days, 1 Month, 6 Month        response time in ms at this hour of the day, so far back
hours_missing        (all)                           hours of the last day without a value
==================== =============================== ================================================================

All is as of the end of the hour, and to do it again for an hour gives the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from forecasting_jobs.response_time.metric_data import HOUR
from forecasting_jobs.response_time.parts import Parts
from forecasting_jobs.response_time.train_model import HORIZON
from ml_core.records import MetricPoint
from ml_core.timeseries.series import Floats

REFERENCES = {"7 Days": timedelta(days=7), "1 Month": timedelta(days=30), "6 Month": timedelta(days=182)}
PERCENTILES = (60, 75, 90, 99)
PERFORMANCE_HOURS = 720
_DAY_HOURS = 24


def refresh(parts: Parts, until: datetime) -> int:
    """Store the metric points as of ``until``, the end of an hour; return how many there are."""
    points = [*_performance(parts, until), *_percentiles(parts, until), _missing(parts, until)]
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


def _percentiles(parts: Parts, until: datetime) -> list[MetricPoint]:
    hour = until - HOUR
    frame = parts.store.observations(parts.series, until - max(REFERENCES.values()), until)
    same = frame[frame["time"].dt.hour == hour.hour]
    points = []
    for reference, back in REFERENCES.items():
        values = same.loc[same["time"] > hour - back, "value"].to_numpy(dtype=np.float64)
        if len(values):
            found = np.percentile(values, PERCENTILES)
            for percentile, value in zip(PERCENTILES, found, strict=True):
                points.append(_point(parts.model, f"percentile_{percentile}", hour, until, [float(value)], reference))
    return points


def _missing(parts: Parts, until: datetime) -> MetricPoint:
    start = until - _DAY_HOURS * HOUR
    there = len(parts.store.observations(parts.series, start, until))
    return _point(parts.model, "hours_missing", until - HOUR, until, [float(_DAY_HOURS - there)], "")


def _point(
    model: str, metric: str, start: datetime, end: datetime, values: Sequence[float] | Floats, segment: str
) -> MetricPoint:
    array = np.asarray(values, dtype=np.float64)
    return MetricPoint(
        model, metric, start, end, len(array), float(array.sum()), float((array**2).sum()), segment=segment
    )
