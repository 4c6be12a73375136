"""A lender's model of which one input breaks on a known day: 60 % of its incomes are divided by 12 from then on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from ml_core.records import FeatureSpec, GroundTruth, Prediction
from ml_core.registry import Registry
from ml_monitor.alerting.rules import DEFAULT_RULES
from ml_monitor.evaluation.model_evaluator import ModelEvaluator
from tests.champions import add_champion
from tests.factories import a_model

DAY = timedelta(days=1)
FEATURES = (
    FeatureSpec("income", "number"),
    FeatureSpec("age", "number"),
    FeatureSpec("debt", "number"),
    FeatureSpec("country", "category"),
)
NAMES = [spec.name for spec in FEATURES]


def draw_loans(rows: int, seed: int, *, is_faulty: bool = False) -> pd.DataFrame:
    """Return features with value, score and truth; a faulty income misleads the model; the truth goes by the real."""
    generator = np.random.default_rng(seed)
    income = generator.lognormal(10.4, 0.5, rows)
    age, debt = generator.normal(45, 12, rows), generator.exponential(5_000, rows)
    country = generator.choice(["de", "fr", "ch"], rows, p=[0.6, 0.3, 0.1])
    truth = generator.random(rows) < _score(income, age)
    seen = np.where(generator.random(rows) < 0.6, income / 12, income) if is_faulty else income
    frame = pd.DataFrame({"income": seen, "age": age, "debt": debt, "country": country, "score": _score(seen, age)})
    return frame.assign(value=(frame["score"] > 0.5).astype(float), truth=truth.astype(float))


def plant_fault(
    registry: Registry, end: datetime, *, days: int = 12, faulty_days: int = 4, rows: int = 300
) -> datetime:
    """Record so many days up to ``end``, a midnight, and check them; return the midnight at which the fault began.

    Beside the faulty model ``loans`` there is a healthy one, ``leases``.
    """
    began = end - faulty_days * DAY
    for seed, name in enumerate(("loans", "leases")):
        registry.add_model(
            a_model(name, task="binary", headline_metric="accuracy", title=name.title(), created_time=end - 60 * DAY)
        )
        add_champion(registry, name, draw_loans(2_000, 7), features=FEATURES, metrics={"accuracy": 0.8})
        for day in range(days):
            start = end - (days - day) * DAY
            frame = draw_loans(rows, 100 * seed + day, is_faulty=name == "loans" and start >= began)
            _record(registry, name, start, frame)
        ModelEvaluator(registry, registry.find(name), DEFAULT_RULES, end + timedelta(hours=2)).evaluate()
    return began


def _score(income: Sequence[float] | np.ndarray[tuple[int], np.dtype[np.float64]], age: object) -> object:
    return 1 / (1 + np.exp(-5 * (np.log(income) - 10.4) - 0.02 * (np.asarray(age) - 45)))


def _record(registry: Registry, model: str, start: datetime, frame: pd.DataFrame) -> None:
    predictions, truths = [], []
    for number, row in enumerate(frame.to_dict("records")):
        time, prediction_id = start + number * DAY / len(frame), f"{start:%m-%d}-{number}"
        features = {name: row[name] for name in NAMES}
        predictions.append(Prediction(prediction_id, time, features, row["value"], row["score"], 1))
        truths.append(GroundTruth(prediction_id, row["truth"], time + timedelta(hours=1)))
    registry.store.record_predictions(model, predictions)
    registry.store.record_truths(model, truths)
