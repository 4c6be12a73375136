"""An app whose champion was trained once, with a store, artifacts and a clock of the test's own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from flask.testing import FlaskClient
from flask_openapi3 import OpenAPI

from anomaly_api.app import create_app
from anomaly_api.predictor import Predictor
from anomaly_api.train import run
from ml_core.clock import FixedClock
from ml_core.registry import Registry
from ml_core.settings import Settings
from ml_core.store.json_store import JsonStore
from tests.factories import NOON


def a_table(rows: int = 400, seed: int = 1) -> pd.DataFrame:
    """Return windows so skewed that their forest has a small grid."""
    random = np.random.default_rng(seed)
    return pd.DataFrame({"mean": random.lognormal(5, 2.5, rows), "sd": random.lognormal(4, 2.5, rows)})


@pytest.fixture(scope="session")
def trained_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table, and a store and artifacts in which one version was trained on it and promoted."""
    folder = tmp_path_factory.mktemp("trained")
    a_table().to_csv(folder / "windows.csv", index=False)
    store = JsonStore(folder / "store")
    run(Registry(store, folder / "artifacts", FixedClock(NOON)), folder / "windows.csv", 0.02)
    store.close()
    return folder


@pytest.fixture
def registry(trained_folder: Path, tmp_path: Path, clock: FixedClock) -> Iterator[Registry]:
    """A registry with the trained champion, where the settings of the test say."""
    for name in ("store", "artifacts"):
        shutil.copytree(trained_folder / name, tmp_path / name)
    store = JsonStore(tmp_path / "store")
    yield Registry(store, tmp_path / "artifacts", clock)
    store.close()


@pytest.fixture
def make_app(registry: Registry, settings: Settings, clock: FixedClock) -> Iterator[Callable[..., OpenAPI]]:
    """Make apps that serve the champion, with changed settings; what they logged is written at the end."""
    made: list[OpenAPI] = []

    def make(**changes: object) -> OpenAPI:
        made.append(create_app(settings.model_copy(update=changes), registry.store, clock))
        return made[-1]

    yield make
    for app in made:
        app.extensions["predictor"].close()


@pytest.fixture
def app(make_app: Callable[..., OpenAPI]) -> OpenAPI:
    """The app with the default settings."""
    return make_app()


@pytest.fixture
def client(app: OpenAPI) -> FlaskClient:
    """A client of the app."""
    return app.test_client()


@pytest.fixture
def predictor(app: OpenAPI) -> Predictor:
    """What predicts inside the app."""
    found: Predictor = app.extensions["predictor"]
    return found
