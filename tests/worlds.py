"""A small world whose truth is known: a classifier of fraud, its reference, and days of its predictions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from ml_core.records import FeatureSpec, GroundTruth, Model, Prediction
from ml_core.registry import Registry
from tests.champions import add_champion
from tests.factories import NOON, a_model

FEATURES = (FeatureSpec("amount", "number"), FeatureSpec("age", "number"), FeatureSpec("country", "category"))
FIRST_DAY = NOON.replace(hour=0) - timedelta(days=10)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class World:
    """How rows come about: ``shift`` moves the feature amount, ``swapped`` makes the truth the opposite."""

    shift: float = 0.0
    swapped: bool = False
    seed: int = 1

    def draw(self, rows: int) -> pd.DataFrame:
        """Return features with value, score and truth: the score is the true probability, unless the world swapped."""
        generator = np.random.default_rng(self.seed)
        amount, age = generator.normal(self.shift, 1, rows), generator.normal(0, 1, rows)
        country = generator.choice(["de", "fr", "ch"], rows, p=[0.6, 0.3, 0.1])
        score = 1 / (1 + np.exp(-1.5 * amount - 0.5 * age))
        truth = (generator.random(rows) < score) ^ self.swapped
        frame = pd.DataFrame({"amount": amount, "age": age, "country": country, "score": score})
        return frame.assign(value=(score > 0.5).astype(float), truth=truth.astype(float))


def add_fraud(registry: Registry, *, rows: int = 5000) -> Model:
    """Register a binary classifier with a champion and its reference."""
    registry.add_model(a_model("fraud", task="binary", headline_metric="roc_auc"))
    add_champion(registry, "fraud", World(seed=99).draw(rows), features=FEATURES)
    return registry.find("fraud")


def record_day(
    registry: Registry, day: int, world: World, *, rows: int = 400, truth_after: timedelta | None = timedelta(hours=1)
) -> datetime:
    """Record a day of predictions, and their truths so much later; return the end of the day."""
    start = FIRST_DAY + day * DAY
    drawn = replace(world, seed=world.seed * 1000 + day).draw(rows)
    predictions, truths = [], []
    for number, row in enumerate(drawn.to_dict("records")):
        time = start + number * DAY / rows
        features = {name: row[name] for name in ("amount", "age", "country")}
        prediction_id = f"day-{day}-{number}"
        predictions.append(Prediction(prediction_id, time, features, row["value"], row["score"], 1))
        if truth_after is not None:
            truths.append(GroundTruth(prediction_id, row["truth"], time + truth_after))
    registry.store.record_predictions("fraud", predictions)
    registry.store.record_truths("fraud", truths)
    return start + DAY
