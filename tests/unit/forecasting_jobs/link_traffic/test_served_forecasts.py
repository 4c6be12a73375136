"""What was served comes back whole, with the truth that was known at a time, and as the series that it came from."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest

from forecasting_jobs.link_traffic.link_series import HOUR, LinkSeries
from forecasting_jobs.link_traffic.parts import make_parts
from forecasting_jobs.link_traffic.served_forecasts import ServedForecast, history_of, loss_of, served_forecasts
from ml_core.clock import FixedClock
from ml_core.masking import Masking
from ml_core.records import Prediction
from ml_core.settings import Settings
from ml_core.store.json_store import JsonStore
from ml_core.traffic.log import TrafficLog
from tests.factories import NOON
from tests.traffic import HOURLY, a_traffic_forecast
from tests.unit.forecasting_jobs.link_traffic.served_world import STRIDE, ServedWorld, truth_of

DAY = timedelta(days=1)
START = NOON - 3 * DAY


@pytest.fixture
def world(settings: Settings, json_store: JsonStore, clock: FixedClock) -> ServedWorld:
    return ServedWorld(make_parts(settings, json_store, clock), clock)


def a_series(link: str = "Verizon", location: str = "US-DC4", hours: int = 120) -> LinkSeries:
    """Return hours from ``START`` on, each with a value of its own."""
    values = np.stack([np.arange(hours) + 1.0, np.arange(hours) / 10 + 5.0], axis=1)
    return LinkSeries(link, location, START, HOUR, values)


def found(world: ServedWorld, known_at: datetime | None = None) -> list[ServedForecast]:
    return served_forecasts(world.parts, HOURLY, START, NOON + 9 * DAY, known_at or NOON + 9 * DAY)


def test_a_forecast_comes_back_with_its_window_and_its_truth(world: ServedWorld) -> None:
    series, said = a_series(), np.arange(12.0).reshape(6, 2)
    forecast_id = world.serve(series, NOON, said)
    world.label(forecast_id, truth_of(series, NOON), NOON + 8 * HOUR)
    (served,) = found(world)
    assert (served.forecast_id, served.pair, served.version) == (forecast_id, ("Verizon", "US-DC4"), 1)
    assert (served.issue_time, served.time, served.known_time) == (NOON, NOON + HOUR, NOON + 8 * HOUR)
    assert served.window.tolist() == series.values[48:73].tolist()
    assert served.said.tolist() == said.tolist()
    assert served.truth.tolist() == series.values[73:79].tolist()
    assert served.is_labelled


def test_truth_is_that_which_was_known_at_the_time(world: ServedWorld) -> None:
    series = a_series()
    forecast_id = world.serve(series, NOON)
    right = truth_of(series, NOON)
    world.label(forecast_id, right + 100, NOON + 8 * HOUR)
    world.label(forecast_id, right, NOON + 2 * DAY)
    (before,) = found(world, NOON + 7 * HOUR)
    assert before.known_time is None and not before.is_labelled and np.isnan(before.truth).all()
    (first,), (last,) = found(world, NOON + DAY), found(world)
    assert (first.truth.tolist(), last.truth.tolist()) == ((right + 100).tolist(), right.tolist())
    assert found(world, NOON) == []  # it was served an hour later


def test_a_loss_is_in_parts_of_the_links_level_so_that_a_small_link_counts_as_a_large_one(world: ServedWorld) -> None:
    small = a_series()
    large = LinkSeries("Northway", "UK-LD4", START, HOUR, small.values * 1_000)
    for series in (small, large):
        world.label(world.serve(series, NOON), truth_of(series, NOON), NOON + 8 * HOUR)
    losses = [each.loss for each in found(world)]
    assert losses[0] == pytest.approx(losses[1]) and losses[0] > 0
    served = found(world)[0]
    assert loss_of(served.truth, served) == 0
    errors = (served.said - served.truth) / served.window.mean(axis=0)
    assert served.loss == pytest.approx(np.sqrt((errors**2).mean()))


@pytest.mark.parametrize(("missing", "is_labelled"), [(3, True), (4, False)])
def test_a_forecast_counts_once_half_of_its_steps_are_known(
    world: ServedWorld, missing: int, is_labelled: bool
) -> None:
    series = a_series()
    truth = truth_of(series, NOON)
    truth[:missing] = np.nan
    world.label(world.serve(series, NOON), truth, NOON + 8 * HOUR)
    (served,) = found(world)
    assert served.is_labelled == is_labelled
    assert np.isfinite(served.loss)


def test_what_is_masked_and_what_was_not_forecast_by_us_is_left_out(world: ServedWorld) -> None:
    masked = TrafficLog(world.parts.store, world.clock, Masking((f"{HOURLY}.link",)))
    masked.record(HOURLY, [a_traffic_forecast(made=NOON)])
    stranger = Prediction("stranger-1", NOON + HOUR, {"target": "rx_gbs", "step": 1}, 3.0, version=1)
    world.parts.store.record_predictions(HOURLY, [stranger])
    short = a_traffic_forecast(made=NOON, rx=(1.0, 2.0), tx=(1.0, 2.0))
    TrafficLog(world.parts.store, world.clock).record(HOURLY, [short])
    assert found(world) == []
    forecast_id = world.serve(a_series(), NOON)
    assert [each.forecast_id for each in found(world)] == [forecast_id]


def test_windows_and_truths_come_to_the_series_that_they_are_of(world: ServedWorld) -> None:
    links = [a_series("Northway", "UK-LD4"), a_series()]
    world.live(links, START + 30 * HOUR, START + 30 * HOUR + 5 * STRIDE)
    until = START + 80 * HOUR
    histories = history_of(found(world), HOUR, until)
    assert [series.pair for series in histories] == [series.pair for series in links]
    for series, link in zip(histories, links, strict=True):
        assert series.start_time == START + 6 * HOUR  # the first window begins there
        assert series.values.tolist() == link.values[6:80].tolist()
    (later, _) = history_of(found(world), HOUR, until, since=START + 60 * HOUR)
    assert (later.start_time, len(later)) == (START + 60 * HOUR, 20)


def test_what_filled_a_gap_in_a_window_is_a_gap_where_the_truth_is_known_to_be_missing(world: ServedWorld) -> None:
    series = a_series()
    series.values[75] = np.nan
    world.label(world.serve(series, NOON), truth_of(series, NOON), NOON + 8 * HOUR)
    world.serve(series, NOON + STRIDE)  # whose window holds 0 for that hour
    (history,) = history_of(found(world), HOUR, NOON + DAY)
    assert np.isnan(history.values[75 - 48]).all()
    assert np.isfinite(np.delete(history.values, 75 - 48, axis=0)).all()
    assert len(history) == 25 + 12


def test_nothing_comes_of_no_forecasts(world: ServedWorld) -> None:
    assert found(world) == [] and history_of([], HOUR, NOON) == []
    world.serve(a_series(), NOON)
    assert history_of(found(world), HOUR, START) == []
