"""The engine by itself: one command, and there is a forecast; it ends, and nothing is left behind."""

from __future__ import annotations

from pathlib import Path

import requests

from ml_core.launcher.proc import process_state
from tests.processes import RunningApp, eventually, own_folders, start_app


def answer_of(app: RunningApp, path: str) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(f"{app.url}{path}", timeout=30)


def test_a_served_engine_fetches_trains_and_forecasts_by_itself(tmp_path: Path) -> None:
    environment = own_folders(tmp_path) | {
        "ML_CLOUDWATCH__SCHEDULE": "true",
        "ML_CLOUDWATCH__HISTORY_DAYS": "2",
        "ML_CLOUDWATCH__HORIZON_STEPS": "6",
    }
    with start_app("cloudwatch_engine", environment) as app:
        early = answer_of(app, "/predictions")
        assert early.status_code in (200, 503)
        eventually(lambda: answer_of(app, "/predictions").status_code == 200, seconds=90)
        forecast = answer_of(app, "/predictions").json()
        assert (forecast["instance"], forecast["is_stale"]) == ("i-generated", False)
        eventually(lambda: (tmp_path / "cloudwatch" / "predictions.json").exists())
        started = descendants(app.pid)
        assert len(started) >= 2  # the worker of the server, and the clockwork
    eventually(lambda: all(process_state(pid) is None for pid in started))


def descendants(pid: int) -> list[int]:
    """Return the processes that a process has started, and those that they have."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    children = [int(child) for child in path.read_text().split()] if path.exists() else []
    return [*children, *(below for child in children for below in descendants(child))]
