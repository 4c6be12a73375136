"""The made-up controller as its command starts it: a process of its own, at a time of day that is chosen."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

import requests

from ml_core.config import project_root
from ml_core.processes import free_port
from tests.processes import eventually


def without_settings() -> dict[str, str]:
    """Return the environment without the settings of the suite that it may hold."""
    return {name: value for name, value in os.environ.items() if not name.startswith("ML_")}


def clock_offset(time: datetime) -> str:
    """Return the ``ML_CLOCK_OFFSET`` with which it is now that time."""
    seconds = round((time - datetime.now(UTC)).total_seconds())
    return f"{'-' if seconds < 0 else ''}PT{abs(seconds)}S"


@contextmanager
def simulated_controller(time: datetime, settings: Mapping[str, str] | None = None) -> Iterator[str]:
    """Run the made-up controller, to which it is now ``time``; yield its URL."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [sys.executable, "-m", "forecasting_jobs", "response-time", "simulate-controller", "--port", str(port)],
        cwd=project_root(),
        env={**without_settings(), **(settings or {}), "ML_CLOCK_OFFSET": clock_offset(time)},
        stderr=subprocess.DEVNULL,
    )
    try:
        eventually(lambda: _answers(url), 120)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def _answers(url: str) -> bool:
    with requests.Session() as session:
        session.trust_env = False
        try:
            return session.get(url, timeout=5).status_code == 401
        except requests.ConnectionError:
            return False
