"""A client of the dashboard, and a model with all that its page shows."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest
from flask.testing import FlaskClient

from ml_core.clock import FixedClock
from ml_core.records import FeatureSpec
from ml_core.registry import Registry
from ml_core.settings import Settings
from ml_core.store.json_store import JsonStore
from ml_monitor.app import create_app
from tests.champions import add_champion
from tests.factories import NOON, a_model, a_prediction


@pytest.fixture
def client(settings: Settings, json_store: JsonStore, clock: FixedClock) -> FlaskClient:
    return create_app(settings, json_store, clock).test_client()


@pytest.fixture
def housing(registry: Registry) -> Registry:
    """A champion with a reference sample, and two hours of predictions."""
    registry.add_model(a_model(seed_id="model1"))
    reference = pd.DataFrame({"rooms": [3, 4, 9], "it's": ["x", "x", "y"], "value": [200_000.0, 250_000.0, 300_000.0]})
    features = (FeatureSpec("rooms", "number"), FeatureSpec("it's", "category"))
    add_champion(registry, "housing_price", reference, features=features)
    rows = [a_prediction(NOON - timedelta(minutes=minute), value=200_000.0 + minute) for minute in range(1, 121)]
    registry.store.record_predictions("housing_price", rows, new_ids=True)
    return registry
