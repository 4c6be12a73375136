"""Requests drawn from each app's own OpenAPI document, right and wrong ones: none may be answered with a 500."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from schemathesis import Case
from schemathesis.generation import GenerationMode
from schemathesis.schemas import BaseSchema

from anomaly_api.app import create_app as create_anomaly
from anomaly_api.generator import generate_windows
from anomaly_api.train import run as train_detector
from cloudwatch_engine.app import create_app as create_engine
from cloudwatch_engine.fetch import fetch, open_source
from cloudwatch_engine.generated import INSTANCE
from cloudwatch_engine.job_starter import JobStarter
from cloudwatch_engine.training import train_instance
from ml_core.clock import FixedClock
from ml_core.registry import Registry
from ml_core.settings import CloudWatchSettings, Settings
from ml_core.store.json_store import JsonStore
from ml_models.app import create_app as create_models
from ml_models.generators.fraud import generate_fraud
from ml_models.generators.housing import generate_housing
from ml_models.run_model import run
from ml_monitor.app import create_app as create_monitor
from tests.factories import NOON
from tests.networks import add_network

EXAMPLES = examples(
    max_examples=40, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@pytest.fixture(scope="module")
def trained(folder: Path) -> Registry:
    registry = Registry(JsonStore(folder / "store"), folder / "artifacts", FixedClock(NOON))
    files = {"housing_price": folder / "housing.csv", "payment_fraud": folder / "fraud.csv"}
    generate_housing(100).to_csv(files["housing_price"], index=False)
    generate_fraud(1_000).to_csv(files["payment_fraud"], index=False)
    run(registry, files, promote=True)
    return registry


@pytest.fixture(scope="module")
def models_api(trained: Registry, folder: Path) -> Iterator[BaseSchema]:
    if find_spec("tensorflow") is not None:  # without it nobody trains a network that could be served
        add_network(trained)
    settings = Settings(artifacts_folder=str(folder / "artifacts"))
    app = create_models(settings, trained.store, FixedClock(NOON))
    yield schemathesis.openapi.from_wsgi("/openapi.json", app)
    app.extensions["worker"].close()


@pytest.fixture(scope="module")
def monitor_api(trained: Registry, folder: Path) -> BaseSchema:
    app = create_monitor(Settings(artifacts_folder=str(folder / "artifacts")), trained.store, FixedClock(NOON))
    return schemathesis.openapi.from_wsgi("/openapi.json", app)


@pytest.fixture(scope="module")
def anomaly_api(trained: Registry, folder: Path) -> Iterator[BaseSchema]:
    generate_windows(300).to_csv(folder / "windows.csv", index=False)
    train_detector(trained, folder / "windows.csv")
    app = create_anomaly(Settings(artifacts_folder=str(folder / "artifacts")), trained.store, FixedClock(NOON))
    yield schemathesis.openapi.from_wsgi("/openapi.json", app)
    app.extensions["predictor"].close()


@pytest.fixture(scope="module")
def engine_api(folder: Path) -> Iterator[BaseSchema]:
    section = CloudWatchSettings(folder=str(folder / "cloudwatch"), history_days=1, horizon_steps=6)
    settings = Settings(artifacts_folder=str(folder / "artifacts"), cloudwatch=section)
    store = JsonStore(folder / "engine")
    app = create_engine(settings, store, FixedClock(NOON))
    engine = app.extensions["engine"]
    fetch(store, section, *open_source(section), NOON)
    train_instance(engine, INSTANCE, names=("naive",))
    app.extensions["job_starter"] = JobStarter(("true",))
    yield schemathesis.openapi.from_wsgi("/openapi.json", app)
    app.extensions["worker"].close()
    app.extensions["job_starter"].close()
    store.close()


def check(case: Case) -> None:
    response = case.call()
    assert response.status_code < 500, response.text
    assert "Traceback" not in response.text
    if response.status_code >= 400 and case.path != "/performance-metrics":
        error = response.json()["error"]
        assert error["message"]
        assert error["request_id"]


def check_all(schema: BaseSchema) -> int:
    """Check every operation, with bodies that fit the document and bodies that do not; return how many there are."""
    operations = [result.ok() for result in schema.get_all_operations()]
    for operation in operations:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            strategy = operation.as_strategy(generation_mode=mode)
            EXAMPLES(given(case=strategy)(check))()
    return len(operations)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_the_models_app_answers_anything_without_failing(models_api: BaseSchema) -> None:
    assert check_all(models_api) == 11


def test_the_engine_answers_anything_without_failing(engine_api: BaseSchema) -> None:
    assert check_all(engine_api) == 11


def test_the_monitor_answers_anything_without_failing(monitor_api: BaseSchema) -> None:
    assert check_all(monitor_api) == 27


def test_the_anomaly_app_answers_anything_without_failing(anomaly_api: BaseSchema) -> None:
    assert check_all(anomaly_api) == 3
