"""A store for the dashboard: models with references, days of predictions, most of their truths, and a check of all."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.figures import DAY, progress
from ml_core.clock import Clock
from ml_core.ids import new_id
from ml_core.records import FeatureSpec, GroundTruth, Model, Prediction
from ml_core.registry import Registry
from ml_core.settings import Settings
from ml_core.store.opening import open_store
from ml_monitor.check import check_all

FEATURES = (FeatureSpec("amount", "number"), FeatureSpec("age", "number"), FeatureSpec("country", "category"))
_REFERENCE_ROWS = 1000
_TRUTH_AFTER = timedelta(hours=6)


def model_name(number: int) -> str:
    """Return the name of a model by its number."""
    return f"model-{number:03d}"


def fill(settings: Settings, artifacts: Path, models: int, days: int, predictions: int) -> None:
    """Fill the store of the settings, and check it. Of two models of fifty the amount moves in the last days."""
    clock = Clock()
    today = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    per_day = max(1, predictions // (models * days))
    progress(f"pages: {models} models with {models * days * per_day:,} predictions in {days} days")
    with closing(open_store(settings.store_url.get_secret_value(), clock=clock)) as store:
        registry = Registry(store, artifacts, clock)
        for number in range(models):
            name = model_name(number)
            registry.add_model(
                Model(name, f"Model {number}", "binary", datetime(2026, 1, 1, tzinfo=UTC), headline_metric="roc_auc")
            )
            model = registry.find(name)
            reference = _draw(np.random.default_rng(number), _REFERENCE_ROWS)
            version = registry.add_reference(model, reference, features=FEATURES, lineage={})
            registry.promote(model, version.number)
            for day in range(days):
                start = today - (days - day) * DAY
                moved = 3.0 if number % 25 == 0 and day >= days - 3 else 0.0
                rows = _draw(np.random.default_rng([number, day]), per_day, moved)
                made, truths = _records(rows, start)
                store.record_predictions(name, made, new_ids=True)
                store.record_truths(name, truths)
        progress("pages: a check of all models")
        check_all(registry, settings)


def _draw(random: np.random.Generator, rows: int, moved: float = 0.0) -> pd.DataFrame:
    amount, age = random.normal(moved, 1, rows), random.normal(0, 1, rows)
    country = random.choice(["de", "fr", "ch"], rows, p=[0.6, 0.3, 0.1])
    score = 1 / (1 + np.exp(-1.5 * amount - 0.5 * age))
    truth = (random.random(rows) < score).astype(float)
    frame = pd.DataFrame({"amount": amount, "age": age, "country": country})
    return frame.assign(value=(score > 0.5).astype(float), score=score, truth=truth)


def _records(rows: pd.DataFrame, start: datetime) -> tuple[list[Prediction], list[GroundTruth]]:
    made, truths = [], []
    for number, row in enumerate(rows.to_dict("records")):
        time = start + number * DAY / len(rows)
        features = {"amount": row["amount"], "age": row["age"], "country": row["country"]}
        made.append(Prediction(new_id(time), time, features, row["value"], row["score"], 1))
        if number % 10:
            truths.append(GroundTruth(made[-1].prediction_id, row["truth"], time + _TRUTH_AFTER))
    return made, truths
