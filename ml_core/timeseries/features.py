"""Features of a series that know nothing of the future: row ``t`` depends on the values up to and with ``t`` alone.

Widths, periods and lags are in steps. What would lie before the start takes the first value, unless NaN is promised.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ml_core.timeseries.series import Floats, Series

_ROWS_AT_ONCE = 8192  # bounds the copies that a median over windows makes
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def trailing_median(values: Floats, width: int) -> Floats:
    """Return the median of the last ``width`` values at each time."""
    if width <= 1:
        return values
    windows = sliding_window_view(np.concatenate([np.full(width - 1, values[0]), values]), width)
    parts = [np.median(windows[i : i + _ROWS_AT_ONCE], axis=1) for i in range(0, len(values), _ROWS_AT_ONCE)]
    return np.concatenate(parts)


def trailing_mean(values: Floats, width: int) -> Floats:
    """Return the mean of the last ``width`` values at each time."""
    if width <= 1:
        return values
    windows = sliding_window_view(np.concatenate([np.full(width - 1, values[0]), values]), width)
    means: Floats = windows.mean(axis=1)
    return means


def exponential_averages(values: Floats, weights: Sequence[float], first: float | None = None) -> Floats:
    """Return the exponential averages ``(len(values), len(weights))``: ``l += weight * (value - l)``."""
    alphas = np.asarray(weights, dtype=np.float64)
    level = np.full(len(alphas), values[0] if first is None else first)
    averages = np.empty((len(values), len(alphas)))
    for index, value in enumerate(values):
        level = level + alphas * (value - level)
        averages[index] = level
    return averages


def phases(history: Series, period: int) -> NDArray[np.int64]:
    """Return the phase of each time within a period counted from the Unix epoch: 0 at midnight UTC for a day."""
    first = (history.start_time - EPOCH) // history.step
    return (first + np.arange(len(history), dtype=np.int64)) % period


def same_phase_values(values: Floats, origins: NDArray[np.int64], horizon: int, period: int, count: int) -> Floats:
    """Return ``(count, origins, horizon)``: for each step its value one, two, ... whole periods earlier, newest first.

    A step beyond a period takes the newest value that is known of its phase. NaN where the series had not begun.
    """
    ahead = (np.arange(horizon, dtype=np.int64) % period) + 1
    back = period * np.arange(1, count + 1, dtype=np.int64)
    index = origins[None, :, None] + ahead[None, None, :] - back[:, None, None]
    return np.where(index >= 0, values[np.maximum(index, 0)], np.nan)


def same_phase_at(values: Floats, origins: NDArray[np.int64], step: int, period: int, count: int) -> Floats:
    """Return ``(count, origins)``: what ``same_phase_values`` has for one step."""
    back = period * np.arange(1, count + 1, dtype=np.int64)[:, None] - ((step - 1) % period + 1)
    index = origins[None, :] - back
    return np.where(index >= 0, values[np.maximum(index, 0)], np.nan)


def levels_before(levels: Floats, origins: NDArray[np.int64], period: int, count: int) -> Floats:
    """Return ``(count, origins)``: the level one, two, ... whole periods before each origin; NaN before the start."""
    index = origins[None, :] - period * np.arange(1, count + 1, dtype=np.int64)[:, None]
    return np.where(index >= 0, levels[np.maximum(index, 0)], np.nan)


def median_where_known(values: Floats, otherwise: float | Floats) -> Floats:
    """Return the median over the first axis of what is not NaN; ``otherwise`` where nothing is known."""
    known = np.isfinite(values)
    counts = known.sum(axis=0)
    ordered = np.sort(values, axis=0)  # NaN last
    low = np.take_along_axis(ordered, np.maximum((counts - 1) // 2, 0)[None], axis=0)[0]
    high = np.take_along_axis(ordered, np.minimum(counts // 2, len(values) - 1)[None], axis=0)[0]
    return np.where(counts > 0, (low + high) / 2, otherwise)
