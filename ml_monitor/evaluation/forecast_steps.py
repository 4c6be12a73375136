"""The steps of a model's forecasts of one series, with what became true and what the naive forecast had said.

The naive forecast of a step is the last observation at or before its issue time. It is taken as it is known by now,
also if it came late: then the comparison is harder on the model than it was on the day, never easier.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from ml_core.clock import as_utc
from ml_core.store.base import Store
from ml_monitor.evaluation.chunk_finder import Stretch
from ml_monitor.monitoring.chunks import ByPeriod, split

_REACH = timedelta(days=2)
"""How far before the issue time the last observation may lie."""
_NUMBERS = ["value", "lower_80", "upper_80", "lower_95", "upper_95", "truth"]


def read_steps(
    store: Store, series: str, model: str, start: datetime, end: datetime, known_at: datetime
) -> pd.DataFrame:
    """Return the steps with ``start <= valid_time < end`` by valid time, as known at ``known_at``.

    Columns are those of ``scored_forecasts`` and ``naive``, NaN where there was no observation lately.
    """
    steps = store.scored_forecasts(series, start, end, model=model, issued_before=known_at, known_at=known_at)
    if steps.empty:
        return steps.assign(naive=np.array([], dtype=np.float64))
    issued = steps["issue_time"]
    first, last = issued.min().to_pydatetime() - _REACH, issued.max().to_pydatetime() + timedelta(microseconds=1)
    known = store.observations(series, first, last, known_at=known_at)
    places = known["time"].searchsorted(issued, side="right") - 1
    if not len(known):
        return steps.assign(naive=np.nan)
    there = (places >= 0) & ((issued - known["time"].array[np.maximum(places, 0)]) <= _REACH).to_numpy()
    naive = np.where(there, known["value"].to_numpy()[np.maximum(places, 0)], np.nan)
    return steps.assign(naive=naive)


def cut(steps: pd.DataFrame, period: ByPeriod, until: datetime) -> Iterator[tuple[Stretch, pd.DataFrame]]:
    """Yield the steps of each chunk of valid times that has ended by ``until``, oldest first."""
    for chunk in split(steps, period, until=until, time="valid_time"):
        if chunk.is_complete:
            stretch = Stretch(as_utc(chunk.start_time), as_utc(chunk.end_time))
            yield stretch, steps.iloc[chunk.rows]


def fingerprint(steps: pd.DataFrame) -> str:
    """Return a text that changes with whatever is known of the steps."""
    digest = hashlib.blake2b(digest_size=8)
    for name in ("valid_time", "issue_time"):
        digest.update(steps[name].to_numpy(dtype="datetime64[us]").tobytes())
    digest.update(steps[_NUMBERS].to_numpy(dtype=np.float64).tobytes())
    return digest.hexdigest()
