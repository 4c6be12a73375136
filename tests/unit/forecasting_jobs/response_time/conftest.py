"""A made-up controller that answers on a port of its own, and a client of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from forecasting_jobs.response_time.appdynamics import Controller
from forecasting_jobs.response_time.controller_config import TOKEN_PATH, ControllerConfig
from forecasting_jobs.response_time.hour import hourly_job
from forecasting_jobs.response_time.parts import Parts, make_parts
from forecasting_jobs.response_time.simulate_controller import SimulatedController
from ml_core.clock import Clock, FixedClock
from ml_core.jobs.runner import ExitCode, run_job
from ml_core.settings import ResponseTimeSettings, Settings
from ml_core.store.json_store import JsonStore
from tests.factories import NOON
from tests.hours_world import CLIENT, SECRET, opened_hours, running_controller

Begun = Callable[[str, Clock], Parts]


@pytest.fixture
def controller(clock: FixedClock) -> Iterator[SimulatedController]:
    """A controller of two servers that lose nothing, whose clock is the test's."""
    with running_controller(clock) as running:
        yield running


@pytest.fixture
def config(controller: SimulatedController) -> ControllerConfig:
    """What a client must know of it."""
    return ControllerConfig(controller.url, CLIENT, SECRET, timeout_seconds=20)


@pytest.fixture
def client(config: ControllerConfig) -> Iterator[Controller]:
    """A client that does not pause long."""
    client = Controller(config, pause_seconds=0.01)
    yield client
    client.close()


@pytest.fixture
def parts(settings: Settings, json_store: JsonStore, clock: FixedClock, controller: SimulatedController) -> Parts:
    """The parts on an empty embedded store, three weeks of history, and the controller's address in a file."""
    path = Path(settings.run_folder) / "appdynamics-config.yml"
    path.parent.mkdir(parents=True)
    creds = {"client_id": CLIENT, "client_secret": SECRET, "geturl": f"{controller.url}{TOKEN_PATH}"}
    path.write_text(yaml.safe_dump({"client_creds": creds}))
    section = ResponseTimeSettings(config_file=str(path), history_days=21)
    return make_parts(settings.model_copy(update={"response_time": section}), json_store, clock)


@pytest.fixture(scope="session")
def first_hour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the store and artifacts that the first hour leaves, done at five past noon. To be copied."""
    folder, clock = tmp_path_factory.mktemp("first-hour"), FixedClock(NOON + timedelta(minutes=5))
    with (
        running_controller(clock) as controller,
        opened_hours(folder, f"json:///{folder / 'store'}", controller, clock) as parts,
    ):
        assert run_job(hourly_job(parts), parts.store, clock) == ExitCode.DONE
    return folder


@pytest.fixture
def begun(first_hour: Path, tmp_path: Path, controller: SimulatedController) -> Iterator[Begun]:
    """Open parts for which the first hour is done: on a clock, with files in a folder of that name."""
    with ExitStack() as stack:

        def opened(name: str, clock: Clock) -> Parts:
            folder = tmp_path / name
            for kept in ("store", "artifacts"):
                shutil.copytree(first_hour / kept, folder / kept)
            return stack.enter_context(opened_hours(folder, f"json:///{folder / 'store'}", controller, clock))

        yield opened
