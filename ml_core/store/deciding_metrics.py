"""Metric points as they are stored and as they merge: pure functions that every store uses, so that none can differ."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ml_core.clock import format_time
from ml_core.records import MetricPoint
from ml_core.store.deciding import is_finite, show
from ml_core.store.deciding_series import utc_time
from ml_core.store.names import check_name, check_word
from ml_core.store.plain import plain_object

Key = tuple[str, str, str, int, datetime, datetime]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def key_of(point: MetricPoint) -> Key:
    """Return what tells a point from others; a second one with the same key replaces the first."""
    return (point.model, point.metric, point.segment, point.version, point.start_time, point.end_time)


def check_metric_names(model: str, metric: str, segment: str | None) -> None:
    """Raise ``ValueError`` that names the field if there can be no point of this model, metric and segment."""
    check_word("model", model)
    check_name("metric", metric)
    if segment:
        check_name("segment", segment)


def check_names(model: str, metrics: Collection[str] | None, segment: str | None) -> None:
    """Do as ``check_metric_names`` for some metrics; None stands for all of them."""
    check_word("model", model)
    for metric in metrics or ():
        check_name("metric", metric)
    if segment:
        check_name("segment", segment)


def fit_points(points: Sequence[MetricPoint]) -> list[MetricPoint]:
    """Return points as they are stored, the last of each key, in the order of their keys.

    Raises ``ValueError`` that names the field of the first that is unfit.
    """
    last = {}
    for index, point in enumerate(points):
        fit = _fit_point(f"points[{index}]", point)
        last[key_of(fit)] = fit
    return [last[key] for key in sorted(last)]


def in_order(points: Iterable[MetricPoint]) -> list[MetricPoint]:
    """Return points of several metrics by metric, start time, end time, version and segment."""
    return sorted(points, key=lambda each: (each.metric, each.start_time, each.end_time, each.version, each.segment))


def merged(points: Iterable[MetricPoint], window: timedelta) -> list[MetricPoint]:
    """Return points merged per segment into the windows, aligned to the epoch, in which they start."""
    if window <= timedelta(0):
        raise ValueError(f"window: expected a duration above zero, not {window}")
    groups: defaultdict[tuple[datetime, str], list[MetricPoint]] = defaultdict(list)
    for point in sorted(points, key=key_of):  # so that sums are rounded alike in every store
        groups[_EPOCH + (point.start_time - _EPOCH) // window * window, point.segment].append(point)
    return [_merged(group, start, window) for (start, _), group in groups.items()]


def metric_row(point: MetricPoint) -> list[Any]:
    """Return a point in the order of ``METRIC_COLUMNS``, with its mean and its standard deviation."""
    mean, deviation = _moments(point)
    return [
        point.start_time,
        point.end_time,
        point.version,
        point.segment,
        point.count,
        mean,
        deviation,
        point.total,
        point.total_of_squares,
        dict(point.details),
    ]


def _merged(group: Sequence[MetricPoint], start: datetime, window: timedelta) -> MetricPoint:
    return replace(
        group[0],
        start_time=start,
        end_time=start + window,
        version=0,
        count=sum(point.count for point in group),
        total=sum(point.total for point in group),
        total_of_squares=sum(point.total_of_squares for point in group),
        details={},
    )


def _moments(point: MetricPoint) -> tuple[float, float]:
    if point.count == 0:
        return math.nan, math.nan
    mean = point.total / point.count
    # Rounding may take the difference of two large numbers below zero.
    return mean, math.sqrt(max(0.0, point.total_of_squares / point.count - mean * mean))


def _fit_point(where: str, point: MetricPoint) -> MetricPoint:
    try:
        check_metric_names(point.model, point.metric, point.segment)
        start, end = utc_time("start_time", point.start_time), utc_time("end_time", point.end_time)
        if start >= end:
            message = f"expected a time after start_time, {format_time(start)}, not {format_time(end)}"
            raise ValueError(f"end_time: {message}")
        _check_count("version", point.version, 2**31)
        _check_count("count", point.count, 2**63)
        for field, number in (("total", point.total), ("total_of_squares", point.total_of_squares)):
            if not is_finite(number):
                raise ValueError(f"{field}: expected a finite number, not {show(number)}")
        details = plain_object("details", point.details)
    except ValueError as error:
        raise ValueError(f"{where}.{error}") from None
    return replace(
        point,
        start_time=start,
        end_time=end,
        version=int(point.version),
        count=int(point.count),
        total=float(point.total),
        total_of_squares=float(point.total_of_squares),
        details=details,
    )


def _check_count(field: str, number: int, limit: int) -> None:
    if not 0 <= number < limit:
        raise ValueError(f"{field}: expected a whole number from 0 to {limit - 1}, not {show(number)}")
