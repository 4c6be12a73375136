"""History moved to a new pattern: what a model learns from when the typical day has changed a few days ago.

The days since are few, and the weeks before teach how traffic wanders and how weekends differ, but at the wrong level.
So each slot of the day before is moved by how far the days since lie from the typical day of before, their median,
where that is more than chance: more than ``_SURE`` standard errors, by the spread of that slot from day to day. The
others stay as they were measured. When the pattern changed is where such shifts, counted in their spread, explain most
of the squares: least squares with one change (Bai 1994), by slot of the day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from forecasting_jobs.link_traffic.link_series import LinkSeries
from ml_core.timeseries.day_profiles import Days, kinds_of, median
from ml_core.timeseries.series import Floats

_SURE = 4.0
_FARTHEST = 20.0  # spreads of a time of day: one monstrous value shall not say when it was
_FEWEST_DAYS = 7
"""Of before the change: fewer know neither the typical days nor their spread."""
_GRID = timedelta(hours=6)
_NEWEST, _OLDEST = timedelta(days=1), timedelta(days=14)


def change_time(links: Sequence[LinkSeries], until: datetime) -> datetime | None:
    """Return when the pattern of links has most likely changed, in the two weeks before ``until``; None if it has not.

    Nothing from ``until`` on is looked at.
    """
    times = [until - _NEWEST - number * _GRID for number in range((_OLDEST - _NEWEST) // _GRID + 1)]
    explained = {time: sum(_shift(series, time, until)[1] for series in links) for time in times}
    best = max(explained, key=lambda time: explained[time])
    return best if explained[best] > 0 else None


def moved(series: LinkSeries, since: datetime, until: datetime) -> LinkSeries:
    """Return a series whose values before ``since`` are moved to the pattern of ``since <= time < until``.

    All from ``since`` on stays, and nothing from ``until`` on is looked at. A series of which either side is too short
    stays as it is.
    """
    shift, explained = _shift(series, since, until)
    if not explained:
        return series
    begin = _place(series, since)
    slots = series.seconds()[:begin] // int(series.step.total_seconds()) % series.per_day
    values = series.values.copy()
    values[:begin] = np.maximum(values[:begin] + shift[slots], 0.0)
    return replace(series, values=values)


def _shift(series: LinkSeries, since: datetime, until: datetime) -> tuple[Floats, float]:
    """Return by how much each slot of the day has moved, ``(slots, 2)``, and the squares that this explains."""
    begin, end = _place(series, since), _place(series, until)
    nothing = np.zeros((series.per_day, 2))
    if begin < _FEWEST_DAYS * series.per_day or begin == end:
        return nothing, 0.0
    bounded = _bounded(series, end)
    before, after = _days(bounded, 0, begin), _days(bounded, begin, end)
    profile = before.profile()
    usual, new = _away(before, profile), _away(after, profile)
    days, new_days = (np.isfinite(each).sum(axis=0) for each in (usual, new))
    spread = np.sqrt(np.where(np.isfinite(usual), np.square(usual), 0.0).sum(axis=0) / np.maximum(days - 1, 1))
    mean = np.where(np.isfinite(new), new, 0.0).sum(axis=0) / np.maximum(new_days, 1)
    error = spread * np.sqrt(1 / np.maximum(new_days, 1) + 1 / np.maximum(days, 1))
    is_sure = (new_days > 0) & (days > 1) & (np.abs(mean) > _SURE * error)
    explained = np.where(is_sure, new_days * np.square(mean / np.maximum(spread, 1e-12)), 0.0)
    return np.where(is_sure, median(new), nothing), float(explained.sum())


def _bounded(series: LinkSeries, end: int) -> LinkSeries:
    """Return the first ``end`` slots without what lies ``_FARTHEST`` spreads from the median of its time of day."""
    days = _days(series, 0, end).clipped(_FARTHEST)
    first = series.seconds()[0] // int(series.step.total_seconds()) % series.per_day
    return replace(series, values=days.values.reshape(-1, 2)[first : first + end])


def _place(series: LinkSeries, time: datetime) -> int:
    return min(max(series.index_at(time), 0), len(series))


def _days(series: LinkSeries, begin: int, end: int) -> Days:
    start = int(series.time_at(begin).timestamp())
    return Days.of(series.values[begin:end], start, int(series.step.total_seconds()))


def _away(days: Days, profile: Floats) -> Floats:
    """Return how far each day lies from the typical one of its kind, ``(days, slots, 2)``."""
    return np.asarray(days.values - profile[kinds_of(days.first_day + np.arange(len(days.values)))])
