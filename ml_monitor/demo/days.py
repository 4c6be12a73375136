"""The days of a model of the demo: its rows with their times, ids and the time at which their truth becomes known."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from ml_core.clock import format_time
from ml_monitor.demo.worlds import REFERENCE_DAY, SEEDS, World

REFERENCE_ROWS = 4000
_DAY_SECONDS = 86_400
_SATURDAY, _WEEKEND = 5, 0.7
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# How many rows each hour has beside the others.
_HOURS = np.array([2, 1, 1, 1, 1, 2, 4, 7, 9, 10, 11, 12, 12, 12, 11, 11, 10, 10, 9, 8, 7, 6, 4, 3], dtype=np.float64)


@lru_cache(maxsize=64)
def draw_day(world: World, first_day: date, day: int) -> pd.DataFrame:
    """Return a day: the columns of the world with ``prediction_id``, ``time`` and ``received_time``, NaT for no truth.

    ``day`` counts from ``first_day``. The frame is kept: it must not be changed.
    """
    when = first_day + timedelta(days=day)
    random = np.random.default_rng([SEEDS[world.name], when.toordinal()])
    rows = int(random.poisson(world.rows_per_day * (_WEEKEND if when.weekday() >= _SATURDAY else 1)))
    frame = world.draw(random, day, rows)
    hours = random.choice(24, rows, p=_HOURS / _HOURS.sum())
    seconds = np.sort(hours * 3600 + random.random(rows) * 3600)
    start = datetime(when.year, when.month, when.day, tzinfo=UTC)
    milliseconds = np.round(np.minimum(seconds, _DAY_SECONDS - 0.001) * 1000).astype(int)
    times = [start + timedelta(milliseconds=int(each)) for each in milliseconds]
    delays = world.truth_delay.total_seconds() * random.uniform(1, 1.5, rows)
    is_known = random.random(rows) < world.truth_share
    received = [
        time + timedelta(seconds=float(delay)) if known else None
        for time, delay, known in zip(times, delays, is_known, strict=True)
    ]
    ids = [_id(world.name, time, number) for number, time in enumerate(times)]
    return frame.assign(prediction_id=ids, time=times, received_time=pd.Series(received, dtype="object"))


def reference_csv(world: World, first_day: date) -> bytes:
    """Return the reference sample as it is sent: rows of the world before anything went wrong."""
    random = np.random.default_rng([SEEDS[world.name], 0])
    return world.draw(random, REFERENCE_DAY, REFERENCE_ROWS).to_csv(index=False).encode()


def predictions_between(world: World, first_day: date, start: datetime, end: datetime) -> list[dict[str, Any]]:
    """Return the predictions with ``start <= time < end`` as the monitor takes them."""
    found = []
    for day in _days(first_day, start, end, timedelta(0)):
        frame = draw_day(world, first_day, day)
        shown = frame[(frame["time"] >= start) & (frame["time"] < end)]
        names = [name for name in frame.columns if name not in _NO_FEATURES]
        for row in shown.to_dict("records"):
            item = {"prediction_id": row["prediction_id"], "time": format_time(row["time"].to_pydatetime())}
            item |= {"features": {str(name): row[name] for name in names}, "value": row["value"]}
            found.append(item | ({"score": row["score"]} if "score" in row else {}))
    return found


def truths_between(world: World, first_day: date, start: datetime, end: datetime) -> list[dict[str, Any]]:
    """Return the truths with ``start <= received_time < end`` as the monitor takes them."""
    found = []
    for day in _days(first_day, start, end, 1.5 * world.truth_delay):
        frame = draw_day(world, first_day, day)
        if "truth" not in frame.columns:
            return []
        for row in frame[frame["received_time"].notna()].to_dict("records"):
            if start <= row["received_time"] < end:
                received = format_time(row["received_time"])
                found.append({"prediction_id": row["prediction_id"], "value": row["truth"], "received_time": received})
    return found


_NO_FEATURES = frozenset({"prediction_id", "time", "received_time", "value", "score", "truth"})


def _days(first_day: date, start: datetime, end: datetime, reach: timedelta) -> range:
    """Return the days that may have rows of ``start`` to ``end``, of which truth reaches so far."""
    first = ((start - reach).date() - first_day).days
    return range(max(0, first), (end.date() - first_day).days + 1)


def _id(model: str, time: datetime, number: int) -> str:
    """Return an id in the form of a UUID version 7 that is the same whenever it is made."""
    milliseconds = (time - _EPOCH) // timedelta(milliseconds=1)
    digest = hashlib.sha256(f"{model} {milliseconds} {number}".encode()).hexdigest()
    head = f"{milliseconds:012x}"
    return f"{head[:8]}-{head[8:]}-7{digest[:3]}-8{digest[3:6]}-{digest[6:18]}"
