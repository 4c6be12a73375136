"""A made-up controller that answers on a port of its own, and a client of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from forecasting_jobs.response_time.appdynamics import Controller
from forecasting_jobs.response_time.controller_config import ControllerConfig
from forecasting_jobs.response_time.simulate_controller import SimulatedController
from forecasting_jobs.response_time.simulated_load import SimulatedLoad
from ml_core.clock import FixedClock

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
