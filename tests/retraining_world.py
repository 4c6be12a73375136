"""A world in which houses are priced, and in which prices may change: for tests of training anew."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from ml_core.artifacts.folders import load_artifact
from ml_core.clock import FixedClock
from ml_core.process_parts import ProcessParts, registry_on
from ml_core.records import GroundTruth, Model, Prediction
from ml_core.settings import Settings
from ml_core.store.base import Store
from ml_models.generators.fraud import generate_fraud
from ml_models.generators.housing import generate_housing
from ml_models.retraining import SuiteModel
from ml_models.run_model import run
from ml_models.trainers.housing_price import HousingPrice
from tests.factories import NOON

HOUR = timedelta(hours=1)
MODEL = "housing_price"


class World:
    """A champion that serves rows by the hour, with truths an hour later, and the clock that they go by."""

    def __init__(self, settings: Settings, store: Store, files: Path) -> None:
        self.clock = FixedClock(NOON)
        self.parts = ProcessParts(settings, registry_on(settings, store, self.clock))
        housing, fraud = files / "housing.csv", files / "fraud.csv"
        generate_housing(300, seed=1).to_csv(housing, index=False)
        generate_fraud(300, seed=1).to_csv(fraud, index=False)
        run(self.parts.registry, {MODEL: housing, "payment_fraud": fraud}, promote=True)
        self.subject = SuiteModel(self.parts, HousingPrice())
        self.served = 0

    @property
    def store(self) -> Store:
        return self.parts.store

    @property
    def model(self) -> Model:
        return self.parts.registry.find(MODEL)

    def live(self, hours: int, *, rows: int = 4, price: Callable[[Any], Any] = lambda price: price) -> None:
        """Let hours pass: each serves some rows by the champion; what is true is what ``price`` makes of the price."""
        version = self.parts.registry.champion(self.model)
        assert version is not None
        loaded = load_artifact(self.parts.registry.artifact_folder(version), version.artifact_sha256 or "")
        names = [feature.name for feature in version.features]
        table = generate_housing(hours * rows, seed=100 + self.served)
        values = loaded.predict(table[names]).values
        truths = np.asarray(price(table["Price"]), dtype=np.float64)
        predictions, labels = [], []
        for number, row in enumerate(table[names].to_dict("records")):
            time, prediction_id = self.clock.now() + number * HOUR / rows, f"house-{self.served + number:06}"
            features = {str(name): float(cell) for name, cell in row.items()}
            predictions.append(Prediction(prediction_id, time, features, values[number], None, version.number))
            labels.append(GroundTruth(prediction_id, float(truths[number]), time + HOUR))
        self.store.record_predictions(MODEL, predictions)
        self.store.record_truths(MODEL, labels)
        self.served += len(table)
        self.clock.advance(hours * HOUR)


def dearer(price: Any) -> Any:
    """Return what houses cost after prices have risen by half."""
    return 1.5 * price
