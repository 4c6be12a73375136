"""Two weeks and more of made-up links, and a small network trained on them once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from forecasting_jobs.link_traffic.link_series import HOUR, LinkSeries, links_of
from forecasting_jobs.link_traffic.network import NetworkSettings
from forecasting_jobs.link_traffic.simulated_links import PAIRS, SimulatedLinks
from forecasting_jobs.link_traffic.train import Learnt, learn
from tests.factories import NOON

SMALL = NetworkSettings(units=12, hidden=(16,), batch=256, epochs=8)
FEW = PAIRS[::5]


@pytest.fixture(scope="session")
def links() -> list[LinkSeries]:
    """Seven weeks of the hours of four links, up to noon."""
    table = SimulatedLinks().traffic(NOON - timedelta(days=49), NOON, HOUR)
    return [series for series in links_of(table) if series.pair in FEW]


@pytest.fixture(scope="session")
def learnt(links: list[LinkSeries]) -> Learnt:
    """A network of twelve units that has learnt them for a few epochs, and its race."""
    return learn(links, "hourly", SMALL)
