"""The first system's ``transformed_df`` and ``columns_transform_specs``: values and lags of all servers, an hour a row.

A column is ``{ART|CPM|EPM|EXC|SLW|VSLW}_SN{server}``, with ``_L{n}H`` for the value ``n`` hours before, and with
``_MA12`` or ``_MA3`` behind that for the mean of the last 12 or 3 hours as of then. The main server is ``00``, a server
whose name ends in 1 to 6 is ``01`` to ``06``, ``CollectionServer`` is ``CS``; of others there is no column.

Values are clipped at an outlier's limit, the third quartile and one and a half interquartile ranges of the 30 days
before the day begins, and in what lags a gap holds the value before it, for a day at most. So no number depends on a
later hour: the first system's means looked five hours ahead, and its limits knew the whole series.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from forecasting_jobs.response_time.metric_data import HOUR
from forecasting_jobs.response_time.metrics import ART
from forecasting_jobs.response_time.sheet_values import SheetValues
from ml_core.store.side_tables import Rows, SideTable
from ml_core.timeseries.series import Floats

_PREFIXES = {
    "ART": ART,
    "CPM": "calls_per_minute",
    "EPM": "errors_per_minute",
    "EXC": "exceptions_per_minue",
    "SLW": "number_of_slow_calls",
    "VSLW": "number_of_very_slow_calls",
}
_ALL, _FEW = (*(f"0{number}" for number in range(7)), "CS"), tuple(f"0{number}" for number in range(5))
_BASES = tuple((prefix, suffix) for prefix in _PREFIXES for suffix in (_ALL if prefix in ("ART", "CPM") else _FEW))
NAMES = tuple(f"{prefix}_SN{suffix}" for prefix, suffix in _BASES)
LAGS, MEANS = tuple(range(1, 7)), (12, 3)
_ENDINGS = ("", *(f"_MA{hours}" for hours in MEANS))
_LAGGED = tuple(f"{name}_L{lag}H{ending}" for ending in _ENDINGS for lag in LAGS for name in NAMES)
_CALENDAR = ("HR_VAL", "DAY_OF_WEEK", "WEEKEND_FLG")
TRANSFORMED = SideTable(
    "transformed_df",
    {"DATETIMESTAMP_ID": "time", **dict.fromkeys((*NAMES, *_CALENDAR, *_LAGGED), "number")},
)
SPECS = SideTable("columns_transform_specs", {"colname": "text", "outlier_cutoff": "number"})

_LIMIT_HOURS, _FEWEST_HOURS = 24 * 30, 24
_MOST_FILLED = 24
_ROWS_AT_ONCE = 100
_LOOKS_BACK = (max(LAGS) + max(MEANS) + _MOST_FILLED) * HOUR
_DAY = timedelta(days=1)
_WHISKER = 1.5


def transformed(read: SheetValues, start: datetime, main: str) -> Iterator[Rows]:
    """Yield the rows from ``start`` on, some at a time, then the limits of the day of the last; ``main`` is a server.

    Of hours before which too few days were read there are none.
    """
    until = read.until
    earliest = until - (read.values.shape[2] * 24 - _LIMIT_HOURS) * HOUR + _LOOKS_BACK + _DAY
    from_day = _day(max(start, earliest) - _LOOKS_BACK)
    first = from_day - _LIMIT_HOURS * HOUR
    values = _columns(read, main)[-((until - first) // HOUR) :]
    limits = {day: day_limits(values, (day - first) // HOUR) for day in _days(from_day, until - HOUR)}
    hours = [from_day + number * HOUR for number in range((until - from_day) // HOUR)]
    known = values[_LIMIT_HOURS:]
    columns = lagged(known, np.stack([limits[_day(hour)] for hour in hours]))
    rows: list[dict[str, Any]] = []
    for place, hour in enumerate(hours):
        if hour < max(start, earliest) or not np.isfinite(known[place]).any():
            continue
        numbers = [*columns[0][place], hour.hour, hour.isoweekday(), hour.isoweekday() > 5]
        numbers += [number for column in columns[1:] for number in column[place]]
        named = zip(list(TRANSFORMED.columns)[1:], map(_or_none, numbers), strict=True)
        rows.append({"DATETIMESTAMP_ID": hour, **dict(named)})
        if len(rows) == _ROWS_AT_ONCE:
            yield Rows(TRANSFORMED, rows)
            rows = []
    yield Rows(TRANSFORMED, rows)
    newest = limits[_day(until - HOUR)]
    known_limits = [(name, float(limit)) for name, limit in zip(NAMES, newest, strict=True) if np.isfinite(limit)]
    yield Rows(SPECS, [{"colname": name, "outlier_cutoff": limit} for name, limit in known_limits])


def day_limits(values: Floats, place: int) -> Floats:
    """Return the limits of a day that begins at ``place``, by column; NaN where too little was known before it."""
    known = values[max(place - _LIMIT_HOURS, 0) : place]
    limits = np.full(values.shape[1], np.nan)
    enough = np.isfinite(known).sum(axis=0) >= _FEWEST_HOURS
    if enough.any():
        low, high = np.nanquantile(known[:, enough], [0.25, 0.75], axis=0)
        limits[enough] = high + _WHISKER * (high - low)
    return limits


def lagged(values: Floats, limits: Floats) -> Sequence[Floats]:
    """Return the clipped values, and each lag of them and of their means; all ``(hours, columns)``, NaN for unknown."""
    clipped = np.where(values > limits, limits, values)
    filled = _filled(clipped)
    bases = [filled, *(_mean(filled, hours) for hours in MEANS)]
    return [clipped, *(_shifted(base, lag) for base in bases for lag in LAGS)]


def suffix_of(server: str, main: str) -> str | None:
    """Return the suffix of a server's columns, None for a server that has none."""
    if server == main:
        return "00"
    if server == "CollectionServer":
        return "CS"
    return f"0{server[-1]}" if server[-1:] in tuple("123456") and not server[-2:-1].isdigit() else None


def _columns(read: SheetValues, main: str) -> Floats:
    """Return the values of each column by hour, ``(hours, columns)``."""
    by_suffix = {suffix_of(server, main): place for place, server in reversed([*enumerate(read.servers)])}
    values = np.full((len(NAMES), read.values.shape[2] * 24), np.nan)
    for column, (prefix, suffix) in enumerate(_BASES):
        if suffix in by_suffix:
            values[column] = read.values[by_suffix[suffix], read.metrics.index(_PREFIXES[prefix])].reshape(-1)
    return values.T


def _filled(values: Floats) -> Floats:
    """Return the values with each gap filled by the last one before it, if that is not too old."""
    places = np.where(np.isfinite(values), np.arange(len(values))[:, None], -_MOST_FILLED - 1)
    last = np.maximum.accumulate(places, axis=0)
    is_near = np.arange(len(values))[:, None] - last <= _MOST_FILLED
    return np.where(is_near, np.take_along_axis(values, np.maximum(last, 0), axis=0), np.nan)


def _mean(values: Floats, hours: int) -> Floats:
    """Return the mean of the last ``hours`` values up to each hour; NaN unless all are known."""
    means = np.full_like(values, np.nan)
    if len(values) >= hours:
        means[hours - 1 :] = sliding_window_view(values, hours, axis=0).mean(axis=-1)
    return means


def _shifted(values: Floats, lag: int) -> Floats:
    shifted = np.full_like(values, np.nan)
    shifted[lag:] = values[:-lag]
    return shifted


def _days(first: datetime, last: datetime) -> list[datetime]:
    return [first + number * _DAY for number in range((_day(last) - first) // _DAY + 1)]


def _day(time: datetime) -> datetime:
    return time.replace(hour=0, minute=0, second=0, microsecond=0)


def _or_none(number: Any) -> float | None:
    return float(number) if np.isfinite(number) else None
