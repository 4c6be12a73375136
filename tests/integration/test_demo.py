"""``python -m ml_monitor demo`` as users call it: it starts a monitor, fills the store, and leaves nothing running."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from ml_core.config import project_root
from ml_core.store.json_store import JsonStore
from ml_monitor.demo.response_times import FORECAST_HOURS, MODEL, SERIES
from tests.processes import own_folders, start_app

NEVER, ALWAYS = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def demo(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ml_monitor", "demo", "--days", "1", *arguments]
    return subprocess.run(
        command, cwd=project_root(), env={**os.environ, **environment}, capture_output=True, text=True, timeout=120
    )


def left_running(environment: dict[str, str]) -> list[str]:
    marker = f"ML_STORE_URL={environment['ML_STORE_URL']}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if marker in (entry / "environ").read_bytes():
                    found.append((entry / "cmdline").read_text())
            except OSError:  # it ended meanwhile, or is another user's
                continue
    return found


def test_a_store_is_filled_twice_without_harm_and_nothing_is_left_running(tmp_path: Path) -> None:
    tokens = {"ML_AUTH__WRITE_TOKENS": "only-for-tests"}
    environment = own_folders(tmp_path) | tokens
    first = demo(environment)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "1 of 2" in first.stdout
    assert "2 of 2" in first.stdout
    assert left_running(environment) == []
    with closing(JsonStore(tmp_path / "store")) as store:
        before = store.count_records()["predictions"]
        steps = store.forecasts(f"{SERIES}ABP/avg_response_time_ms", NEVER, ALWAYS, model=MODEL)
        assert steps["issue_time"].nunique() >= FORECAST_HOURS - 1
        assert [document.key for document in store.list_documents("response-time-applications")] == ["Demo"]
    assert set(before) == {"demo-deliveries", "demo-loans", "demo-churn", "demo-pumps"}
    with start_app("ml_monitor", environment) as app:
        second = demo(environment, "--url", app.url)
    assert second.returncode == 0, second.stdout + second.stderr
    with closing(JsonStore(tmp_path / "store")) as store:
        after = store.count_records()["predictions"]
    assert all(before[model] <= after[model] <= before[model] + 20 for model in before)
