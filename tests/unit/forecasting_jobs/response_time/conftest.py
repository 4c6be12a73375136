"""A made-up controller that answers on a port of its own, and a client of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from forecasting_jobs.response_time.appdynamics import Controller
from forecasting_jobs.response_time.controller_config import TOKEN_PATH, ControllerConfig
from forecasting_jobs.response_time.parts import Parts, make_parts
from forecasting_jobs.response_time.simulate_controller import SimulatedController
from forecasting_jobs.response_time.simulated_load import SimulatedLoad
from ml_core.clock import FixedClock
from ml_core.settings import ResponseTimeSettings, Settings
from ml_core.store.json_store import JsonStore

CLIENT, SECRET = "suite@test", "only-for-tests"


@pytest.fixture
def controller(clock: FixedClock) -> Iterator[SimulatedController]:
    """A controller of two servers that lose nothing, whose clock is the test's."""
    load = SimulatedLoad(servers=("ABP", "ABPServer1"), is_punctual=True)
    with SimulatedController(load, clock, client_id=CLIENT, client_secret=SECRET).running() as running:
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
