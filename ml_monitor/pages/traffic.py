"""The predictions of one model over a range of time: how many came when, and what they said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_core.records import Task
from ml_core.store.base import Store
from ml_monitor.pages.distribution import Distribution, distribution
from ml_monitor.pages.ranges import TimeRange, Window, aligned

LEAST_PER_WINDOW = 50
"""Predictions that a window of the distribution holds on average; quantiles and shares of fewer say little."""
MOST_ROWS = 200_000
"""Predictions read for one distribution: a matter of seconds and some hundred MB beyond this."""
_ROWS_AT_ONCE = 50_000


@dataclass(frozen=True, slots=True)
class WindowCount:
    """The number of predictions in one window."""

    start: datetime
    end: datetime
    count: int


@dataclass(frozen=True, slots=True)
class Volume:
    """The number of predictions per window, also of windows without any."""

    window_seconds: int
    total: int
    windows: tuple[WindowCount, ...]


def read_volume(store: Store, model: str, time_range: TimeRange) -> Volume:
    """Count predictions per window; raise ``StoreUnavailable``."""
    seconds = time_range.window_seconds
    counts = store.count_predictions(model, time_range.start, time_range.end, timedelta(seconds=seconds))
    windows = tuple(
        WindowCount(window.start, window.end, counts.get(aligned(window.start, seconds), 0))
        for window in time_range.windows()
    )
    return Volume(seconds, sum(window.count for window in windows), windows)


def read_distribution(
    store: Store, model: str, task: Task, time_range: TimeRange, volume: Volume, reference: NDArray[Any] | None
) -> tuple[Distribution | None, str | None]:
    """Return how the predicted values are distributed; None for a range without any, or with a reason if too many.

    Raises ``StoreUnavailable``.
    """
    if volume.total > MOST_ROWS:
        return None, (
            f"{volume.total:,} predictions are too many to draw how their values are distributed (at most "
            f"{MOST_ROWS:,}); choose a shorter range."
        )
    frames = [
        store.predictions(model, part.start, part.end)[["time", "value"]].reset_index(drop=True)
        for part in _parts(volume)
    ]
    frames = [frame for frame in frames if len(frame)]
    if not frames:
        return None, None
    times = np.concatenate([_microseconds(frame["time"]) for frame in frames])
    values = _join([frame["value"].to_numpy() for frame in frames])
    seconds = time_range.coarser_window(len(times), LEAST_PER_WINDOW)
    return distribution(task, times, values, time_range.windows(seconds), seconds, reference), None


def _parts(volume: Volume) -> Iterator[Window]:
    """Yield stretches of the range that hold any predictions, none with many more rows than are read at once."""
    start, rows = None, 0
    for window in volume.windows:
        if window.count and start is None:
            start = window.start
        rows += window.count
        if start is not None and rows >= _ROWS_AT_ONCE:
            yield Window(start, window.end)
            start, rows = None, 0
    if start is not None:
        yield Window(start, volume.windows[-1].end)


def _microseconds(times: pd.Series[Any]) -> NDArray[np.int64]:
    since_epoch: NDArray[np.int64] = times.dt.tz_localize(None).to_numpy(dtype="datetime64[us]").astype(np.int64)
    return since_epoch


def _join(parts: list[NDArray[Any]]) -> NDArray[Any]:
    # One part of numbers beside one with labels must not turn the numbers into text, as numpy's rule has it.
    are_numbers = all(np.issubdtype(part.dtype, np.number) for part in parts)
    return np.concatenate([part if are_numbers else part.astype(object) for part in parts])
