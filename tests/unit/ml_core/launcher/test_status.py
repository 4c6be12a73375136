"""What status shows."""

from __future__ import annotations

import pytest

from ml_core.launcher.status import status
from tests.unit.ml_core.launcher.conftest import Platform


def test_apps_that_do_not_run_are_shown_as_stopped(platform: Platform, capsys: pytest.CaptureFixture[str]) -> None:
    status(platform.settings, platform.apps)
    assert capsys.readouterr().out.splitlines() == ["monitor      stopped", "models       stopped"]
    assert not platform.run_folder.exists()


def test_an_app_that_runs_is_shown_with_its_pid_address_and_readiness(
    platform: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    platform.start()
    monitor, models = platform.apps
    platform.lose_readiness(models)
    capsys.readouterr()
    status(platform.settings, platform.apps)
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"monitor      running (pid {platform.record(monitor).pid}) at {monitor.url}, ready"
    assert second.startswith(
        f"models       running (pid {platform.record(models).pid}) at {models.url}, not ready: GET"
    )
    assert second.endswith("503 store: away")
