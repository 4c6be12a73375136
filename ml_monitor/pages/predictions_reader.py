"""The predictions of a model over a range of time, as they were logged: how many, how they spread, and the newest.

The one page that reads rows, so it is bounded: the newest few, and the values of at most ``traffic.MOST_ROWS``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from ml_core.records import Feature, Value
from ml_core.registry import Registry
from ml_core.store.base import Store
from ml_monitor.pages.distribution import Distribution
from ml_monitor.pages.model_reader import read_sample
from ml_monitor.pages.ranges import TimeRange
from ml_monitor.pages.traffic import Volume, read_distribution, read_volume

NEWEST_PREDICTIONS = 20


@dataclass(frozen=True, slots=True)
class NewestPrediction:
    """A prediction as it was logged."""

    prediction_id: str
    time: datetime
    version: int | None
    value: Value
    score: float | None
    features: Mapping[str, Feature]


@dataclass(frozen=True, slots=True)
class PredictionsPage:
    """The predictions of one model over a range of time. ``trouble`` says why a part is missing."""

    time: datetime
    model: str
    title: str
    version: int | None
    last_prediction_time: datetime | None
    range: TimeRange
    volume: Volume
    distribution: Distribution | None
    newest: tuple[NewestPrediction, ...]
    trouble: tuple[str, ...]


def read_predictions_page(registry: Registry, model_id: str, time_range: TimeRange, now: datetime) -> PredictionsPage:
    """Return the predictions of a model, by name or seed id; raise ``ModelNotFound`` and ``StoreUnavailable``."""
    model, store = registry.find(model_id), registry.store
    reference, trouble = read_sample(registry, registry.champion(model))
    volume = read_volume(store, model.name, time_range)
    distribution, too_many = read_distribution(
        store, model.name, model.task, time_range, volume, reference.values if reference else None
    )
    return PredictionsPage(
        time=now,
        model=model.name,
        title=model.title,
        version=model.champion,
        last_prediction_time=store.last_prediction_time(model.name),
        range=time_range,
        volume=volume,
        distribution=distribution,
        newest=_newest(store, model.name, time_range),
        trouble=tuple(text for text in (trouble, too_many) if text),
    )


def _newest(store: Store, model: str, time_range: TimeRange) -> tuple[NewestPrediction, ...]:
    frame = store.predictions(model, time_range.start, time_range.end, newest=NEWEST_PREDICTIONS)
    rows = [
        NewestPrediction(
            prediction_id=row["prediction_id"],
            time=row["time"].to_pydatetime(),
            version=None if pd.isna(row["version"]) else int(row["version"]),
            value=row["value"],
            score=None if pd.isna(row["score"]) else row["score"],
            features=row["features"],
        )
        for row in frame.to_dict("records")
    ]
    return tuple(reversed(rows))
