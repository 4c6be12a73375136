"""AWS as the tests have it: credentials that open nothing, and a source that answers from memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ml_core.settings import CloudWatchSettings, Settings
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
def cloudwatch(settings: Settings) -> CloudWatchSettings:
    """The section of the settings, without AWS, every file in the test's own folder."""
    return settings.cloudwatch
