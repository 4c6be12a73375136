"""Metric points that other parts of the suite have written, as results: for rules that watch them, and for plots."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ml_core.store.base import Store
from ml_monitor.monitoring.results import Number, Undefined
from ml_monitor.results.results_store import Result, segment_name

_NOTHING_COUNTED = Undefined("nothing was counted")


def value_of(point: Any) -> Number:
    """Return the value of a row of a metric's series: the exact one if its writer gave it, else its mean."""
    details = point.details
    if "undefined" in details:
        return Undefined(str(details["undefined"]))
    value = details.get("value")
    if isinstance(value, int | float):
        return float(value)
    return float(point.mean) if point.count else _NOTHING_COUNTED


def points_of(store: Store, model: str, metric: str, segment: str, start: datetime, end: datetime) -> list[Result]:
    """Return the points of one segment that start in ``start <= time < end`` as results."""
    frame = store.metric_series(model, metric, start, end, segment=segment_name(segment))
    return [result_of_point(metric, point) for point in frame.itertuples(index=False)]


def result_of_point(metric: str, point: Any) -> Result:
    """Return a row of a metric's series as a result."""
    return Result(
        "",
        "metric",
        metric,
        "",
        str(point.details.get("segment", point.segment)),
        point.start_time.to_pydatetime(),
        point.end_time.to_pydatetime(),
        int(point.count),
        value_of(point),
        versions=(int(point.version),) if point.version else (),
    )
