"""A small world of numbers whose truth is known: prices of houses, and their registration under any task."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from ml_core.records import FeatureSpec, GroundTruth, Model, Prediction, Task
from ml_core.registry import Registry
from tests.champions import add_champion
from tests.factories import a_model
from tests.worlds import DAY, FIRST_DAY

FEATURES = (FeatureSpec("rooms", "number"), FeatureSpec("area", "number"), FeatureSpec("district", "category"))


def draw_prices(rows: int, seed: int, *, noise: float = 10.0) -> pd.DataFrame:
    """Return features with value and truth; the error of the value is normal with deviation ``noise``."""
    generator = np.random.default_rng(seed)
    rooms = generator.integers(1, 8, rows).astype(float)
    area = 25 * rooms + generator.normal(0, 8, rows)
    district = generator.choice(["north", "south"], rows)
    value = 3 * area + 20 * rooms + 30 * (district == "north")
    truth = value + generator.normal(0, noise, rows)
    return pd.DataFrame({"rooms": rooms, "area": area, "district": district, "value": value, "truth": truth})


def draw_kinds(rows: int, seed: int, *, wrong: float = 0.1) -> pd.DataFrame:
    """Return features with a class in words as value and truth, of which a share is wrong."""
    frame = draw_prices(rows, seed)
    kinds = np.array(["small", "middling", "large"])
    places = np.digitize(frame["area"], [75, 125])
    moved = (places + (np.random.default_rng(seed + 1).random(rows) < wrong)) % 3
    return frame.assign(value=kinds[places], truth=kinds[moved])


def add_world(
    registry: Registry,
    task: Task,
    reference: pd.DataFrame,
    *,
    features: Sequence[FeatureSpec] = FEATURES,
    headline_metric: str | None = None,
) -> Model:
    """Register the model ``prices`` of a task, with a champion and its reference."""
    registry.add_model(a_model("prices", task=task, headline_metric=headline_metric))
    add_champion(registry, "prices", reference, features=tuple(features))
    return registry.find("prices")


def record_frame(registry: Registry, day: int, frame: pd.DataFrame, inputs: Sequence[str] | None = None) -> Any:
    """Record a frame as a day of predictions, with truths an hour later where it has them; return the day's end."""
    start = FIRST_DAY + day * DAY
    names = inputs if inputs is not None else [name for name in frame if name not in ("value", "score", "truth")]
    predictions, truths = [], []
    for number, row in enumerate(frame.to_dict("records")):
        time, prediction_id = start + number * DAY / len(frame), f"day-{day}-{number}"
        features = {str(name): row[name] for name in names}
        predictions.append(Prediction(prediction_id, time, features, row["value"], row.get("score"), 1))
        if "truth" in row:
            truths.append(GroundTruth(prediction_id, row["truth"], time + timedelta(hours=1)))
    registry.store.record_predictions("prices", predictions)
    registry.store.record_truths("prices", truths)
    return start + DAY
