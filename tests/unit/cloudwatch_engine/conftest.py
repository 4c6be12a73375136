"""AWS as the tests have it: credentials that open nothing, and a source that answers from memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cloudwatch_engine.engine_parts import Engine
from cloudwatch_engine.fetch import fetch, open_source
from cloudwatch_engine.generated import INSTANCE
from cloudwatch_engine.seed_config import SeedConfig
from cloudwatch_engine.training import train_instance
from ml_core.registry import Registry
from ml_core.settings import Settings
from tests.cloudwatch_stub import CloudWatchStub


@pytest.fixture(autouse=True)
def _no_credentials_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    nowhere = tmp_path_factory.mktemp("aws") / "none"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a-test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-test")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(nowhere))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(nowhere))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def stub() -> Iterator[CloudWatchStub]:
    """A CloudWatch with faults."""
    with CloudWatchStub() as stub:
        yield stub


@pytest.fixture
def engine(settings: Settings, registry: Registry) -> Engine:
    """An engine at noon that knows nothing yet; it looks at three days and forecasts half an hour."""
    changes = {"history_days": 3.0, "horizon_steps": 6, "overlap_periods": 6}
    section = settings.cloudwatch.model_copy(update=changes)
    return Engine(settings.model_copy(update={"cloudwatch": section}), registry, SeedConfig())


@pytest.fixture
def fetched(engine: Engine) -> Engine:
    """The engine with the metrics of the generated instance."""
    source, queries = open_source(engine.section)
    fetch(engine.store, engine.section, source, queries, engine.clock.now())
    return engine


@pytest.fixture
def trained(fetched: Engine) -> Engine:
    """The engine with a first, quick training."""
    train_instance(fetched, INSTANCE, names=("naive", "seasonal_naive"))
    return fetched
