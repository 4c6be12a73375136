"""The parts of a process: opened as the settings say, closed however the work ends."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ml_core.clock import Clock
from ml_core.process_parts import ProcessParts, opened_parts, registry_on
from ml_core.records import Model
from ml_core.settings import Settings
from ml_core.store.base import Store

_MODEL = Model(name="fraud", title="Fraud", task="classification", created_time=datetime(2026, 3, 2, tzinfo=UTC))


def _make(settings: Settings, store: Store, clock: Clock) -> ProcessParts:
    return ProcessParts(settings, registry_on(settings, store, clock))


@pytest.fixture
def _settings_of_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ML_STORE_URL", f"json:///{tmp_path}/store")
    monkeypatch.setenv("ML_ARTIFACTS_FOLDER", str(tmp_path / "artifacts"))
    monkeypatch.setenv("ML_CLOCK_OFFSET", "PT1H")


@pytest.mark.usefixtures("_settings_of_a_process")
def test_the_parts_are_those_that_the_settings_name(tmp_path: Path) -> None:
    with opened_parts(_make) as parts:
        parts.registry.add_model(_MODEL)
        ahead = parts.clock.now() - Clock().now()
    assert parts.registry.artifacts_root == tmp_path / "artifacts"
    assert timedelta(minutes=59) < ahead < timedelta(minutes=61)
    with opened_parts(_make) as again:
        assert [model.name for model in again.store.list_models()] == ["fraud"]


@pytest.mark.usefixtures("_settings_of_a_process")
def test_the_store_is_closed_when_the_work_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ML_STORE_URL", f"sqlite:///{tmp_path}/store.db")
    with pytest.raises(ZeroDivisionError), opened_parts(_make) as parts:
        parts.registry.add_model(_MODEL)
        assert _open_below(tmp_path)
        raise ZeroDivisionError
    assert not _open_below(tmp_path)


def _open_below(folder: Path) -> list[str]:
    """Return the files below ``folder`` that this process holds open."""
    links = [os.path.realpath(link) for link in Path("/proc/self/fd").iterdir()]
    return [link for link in links if link.startswith(str(folder))]
