"""The world of the response-time hour for tests on a database: a made-up controller, and parts on a store at a URL."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

import yaml
from pydantic import SecretStr

from forecasting_jobs.response_time.controller_config import TOKEN_PATH
from forecasting_jobs.response_time.parts import Parts, make_parts
from forecasting_jobs.response_time.simulate_controller import SimulatedController
from forecasting_jobs.response_time.simulated_load import SimulatedLoad
from ml_core.clock import Clock, format_time
from ml_core.config import project_root
from ml_core.settings import ResponseTimeSettings, Settings
from ml_core.store.opening import open_store

CLIENT, SECRET = "suite@test", "only-for-tests"
HISTORY_DAYS = 12
DYING_HOUR = project_root() / "tests" / "unit" / "forecasting_jobs" / "response_time" / "dying_hour.py"


@contextmanager
def running_controller(clock: Clock) -> Iterator[SimulatedController]:
    """Run a controller of two servers that lose nothing, whose clock is the test's."""
    load = SimulatedLoad(servers=("ABP", "ABPServer1"), is_punctual=True)
    with SimulatedController(load, clock, client_id=CLIENT, client_secret=SECRET).running() as running:
        yield running


@contextmanager
def opened_hours(folder: Path, url: str, controller: SimulatedController, clock: Clock) -> Iterator[Parts]:
    """Open the parts of the hour on the store at a URL, with files in a folder, and close the store at the end."""
    config = folder / "appdynamics-config.yml"
    config.parent.mkdir(parents=True, exist_ok=True)
    creds = {"client_id": CLIENT, "client_secret": SECRET, "geturl": f"{controller.url}{TOKEN_PATH}"}
    config.write_text(yaml.safe_dump({"client_creds": creds}))
    settings = Settings(
        store_url=SecretStr(url),
        artifacts_folder=str(folder / "artifacts"),
        log_folder=str(folder / "log"),
        response_time=ResponseTimeSettings(config_file=str(config), history_days=HISTORY_DAYS),
    )
    with closing(open_store(url)) as store:
        yield make_parts(settings, store, clock)


def environment_of(parts: Parts) -> dict[str, str]:
    """Return the environment in which another process has the same parts."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("ML_")},
        "PYTHONPATH": str(project_root()),
        "ML_STORE_URL": parts.settings.store_url.get_secret_value(),
        "ML_ARTIFACTS_FOLDER": parts.settings.artifacts_folder,
        "ML_LOG_FOLDER": parts.settings.log_folder,
        "ML_RESPONSE_TIME__CONFIG_FILE": parts.section.config_file,
        "ML_RESPONSE_TIME__HISTORY_DAYS": str(parts.section.history_days),
    }


@contextmanager
def dying_hours(parts: Parts) -> Iterator[Callable[..., int]]:
    """Have hours done by other processes: called with a time and where to be killed, it returns how one ended."""
    with subprocess.Popen(
        [sys.executable, str(DYING_HOUR)],
        env=environment_of(parts),
        cwd=project_root(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        asked, answered = process.stdin, process.stdout
        assert asked and answered

        def do(time: datetime, *death: str) -> int:
            print(format_time(time), *death, file=asked, flush=True)
            return int(answered.readline())

        yield do
        asked.close()
