"""History moved to a new pattern: what a model learns from when the typical day has changed a few days ago.

The days since are few, and the weeks before teach how traffic wanders and how weekends differ, but at the wrong level.
So each slot of the day before is moved by how far the days since lie from the typical day of before, their median,
where that is more than chance: more than ``_SURE`` standard errors, by the spread of that slot from day to day. The
others stay as they were measured. That is done twice: with what lasts for hours, and with what is left of each slot
without that, which a load that wanders hardly touches: an hour's transfer is known by its third day.

When the pattern changed is where such shifts, counted in their spread, explain most of the squares: least squares with
one change (Bai 1994), by slot of the day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from forecasting_jobs.link_traffic.link_series import LinkSeries
from ml_core.timeseries.day_profiles import Days, at, median
from ml_core.timeseries.series import Floats

_SURE = 4.0
_FARTHEST = 20.0  # spreads of a time of day: one monstrous value shall not say when it was
_FEWEST_DAYS = 7
"""Of before the change: fewer know neither the typical days nor their spread."""
_GRID = timedelta(hours=6)
_HOURS = timedelta(hours=4)  # to each side: what lasts longer than half of them together is not of one slot alone
_NEWEST, _OLDEST = timedelta(days=1), timedelta(days=14)


def change_time(links: Sequence[LinkSeries], until: datetime) -> datetime | None:
    """Return when the pattern of links has most likely changed, in the two weeks before ``until``; None if it has not.

    Nothing from ``until`` on is looked at.
    """
    times = [until - _NEWEST - number * _GRID for number in range((_OLDEST - _NEWEST) // _GRID + 1)]
    bounded = [_bounded(series, until) for series in links]
    explained = {time: sum(_explained(series, time) for series in bounded) for time in times}
    best = max(explained, key=lambda time: explained[time])
    return best if explained[best] > 0 else None


def moved(series: LinkSeries, since: datetime, until: datetime) -> LinkSeries:
    """Return a series whose values before ``since`` are moved to the pattern of ``since <= time < until``.

    All from ``since`` on stays, and nothing from ``until`` on is looked at. A series of which either side is too short
    stays as it is.
    """
    bounded = _bounded(series, until)
    begin = _place(bounded, since)
    if not _is_enough(bounded, begin):
        return series
    away = _away(bounded, begin)
    lasting = _lasting(away, bounded)
    shift = _shift(lasting, bounded, begin)[0] + _shift(away - lasting, bounded, begin)[0]
    slots = series.seconds()[:begin] // int(series.step.total_seconds()) % series.per_day
    values = series.values.copy()
    values[:begin] = np.maximum(values[:begin] + shift[slots], 0.0)
    return replace(series, values=values)


def _explained(series: LinkSeries, since: datetime) -> float:
    begin = _place(series, since)
    return _shift(_away(series, begin), series, begin)[1] if _is_enough(series, begin) else 0.0


def _shift(away: Floats, series: LinkSeries, begin: int) -> tuple[Floats, float]:
    """Return by how much each slot of the day has moved, ``(slots, 2)``, and the squares that this explains.

    ``away (slots of the series, 2)`` is how far it lies from the typical days of before ``begin``.
    """
    usual, new = (_days(replace(series, values=away), *part).values for part in ((0, begin), (begin, len(away))))
    days, new_days = (np.isfinite(each).sum(axis=0) for each in (usual, new))
    spread = np.sqrt(np.where(np.isfinite(usual), np.square(usual), 0.0).sum(axis=0) / np.maximum(days - 1, 1))
    mean = np.where(np.isfinite(new), new, 0.0).sum(axis=0) / np.maximum(new_days, 1)
    error = spread * np.sqrt(1 / np.maximum(new_days, 1) + 1 / np.maximum(days, 1))
    is_sure = (new_days > 0) & (days > 1) & (np.abs(mean) > _SURE * error)
    explained = np.where(is_sure, new_days * np.square(mean / np.maximum(spread, 1e-12)), 0.0)
    return np.where(is_sure, median(new), 0.0), float(explained.sum())


def _bounded(series: LinkSeries, until: datetime) -> LinkSeries:
    """Return what is before ``until``, without what lies ``_FARTHEST`` spreads from the median of its time of day."""
    end = _place(series, until)
    days = _days(series, 0, end).clipped(_FARTHEST)
    first = series.seconds()[0] // int(series.step.total_seconds()) % series.per_day
    return replace(series, values=days.values.reshape(-1, 2)[first : first + end])


def _away(series: LinkSeries, begin: int) -> Floats:
    """Return how far each value lies from the typical day of its kind, of what is before ``begin``."""
    profile = _days(series, 0, begin).profile()
    return np.asarray(series.values - at(profile[None], np.zeros(1, dtype=np.int64), series.seconds()[None])[0])


def _lasting(away: Floats, series: LinkSeries) -> Floats:
    """Return what lasts for hours: the median of the hours around each value."""
    reach = _HOURS // series.step
    padded = np.concatenate([np.full((reach, 2), np.nan), away, np.full((reach, 2), np.nan)])
    around = sliding_window_view(padded, 2 * reach + 1, axis=0)  # (slots, 2, hours around)
    return np.where(np.isfinite(away), median(around.transpose(2, 0, 1)), np.nan)


def _is_enough(series: LinkSeries, begin: int) -> bool:
    return _FEWEST_DAYS * series.per_day <= begin < len(series)


def _place(series: LinkSeries, time: datetime) -> int:
    return min(max(series.index_at(time), 0), len(series))


def _days(series: LinkSeries, begin: int, end: int) -> Days:
    start = int(series.time_at(begin).timestamp())
    return Days.of(series.values[begin:end], start, int(series.step.total_seconds()))
