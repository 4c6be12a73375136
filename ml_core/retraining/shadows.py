"""What versions that are not served would have said: predictions under a name of their own, with the ids of the served.

Nothing that reads the predictions of a model finds them, so they are neither served nor counted by the monitor. They
hold no features, which the served ones have.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from datetime import datetime

import pandas as pd

from ml_core.records import Prediction
from ml_core.store.base import Store
from ml_core.store.companions import shadow_name

_BATCH_ROWS = 1_000


def record_shadows(store: Store, model: str, version: int, rows: Collection[Prediction]) -> int:
    """Keep what a version would have said; return how many of the ids are new."""
    name, waiting, accepted = shadow_name(model, version), list(rows), 0
    for start in range(0, len(waiting), _BATCH_ROWS):
        accepted += store.record_predictions(name, waiting[start : start + _BATCH_ROWS]).accepted
    return accepted


def each_shadow(store: Store, model: str, version: int, start: datetime, end: datetime) -> list[Prediction]:
    """Return what a version would have said in ``start <= time < end``, oldest first."""
    return as_predictions(store.predictions(shadow_name(model, version), start, end))


def as_predictions(frame: pd.DataFrame) -> list[Prediction]:
    """Return the rows of a store's frame as predictions."""
    return [
        Prediction(
            row["prediction_id"],
            row["time"].to_pydatetime(),
            row["features"],
            row["value"],
            None if math.isnan(row["score"]) else row["score"],
            None if pd.isna(row["version"]) else int(row["version"]),
            row["scores"],
        )
        for row in frame.to_dict("records")
    ]
