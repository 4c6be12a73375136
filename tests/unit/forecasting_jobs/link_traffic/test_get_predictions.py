"""The roll through time, against the real app over HTTP: forecasts, their truth, and what it comes to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from requests.adapters import HTTPAdapter

from forecasting_jobs.link_traffic.get_predictions import Roll, window_errors
from forecasting_jobs.link_traffic.link_series import HOUR, LinkSeries
from forecasting_jobs.link_traffic.models_client import ModelsClient, ModelsUnavailable, Served
from ml_core.clock import FixedClock
from ml_core.registry import Registry
from ml_core.settings import LinkTrafficSettings, Settings
from ml_core.store.json_store import JsonStore
from ml_models.app import create_app
from tests.factories import NOON
from tests.networks import HORIZON, PAIRS, add_network, mean_of_window
from tests.serving import serving
from tests.traffic import HOURLY

pytestmark = [pytest.mark.deep, pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")]
STRIDE = 12 * HOUR
SECTION = LinkTrafficSettings()
HOURS = 24 * 20
START = NOON - HOURS * HOUR


@dataclass
class World:
    """Models that are served, and the store behind them."""

    client: ModelsClient
    registry: Registry
    clock: FixedClock

    def served(self) -> list[Served]:
        """Return all forecasts, as the app gives them back."""
        return self.client.served_between(NOON - timedelta(days=60), NOON + timedelta(days=60))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    clock = FixedClock(NOON)
    registry = Registry(JsonStore(tmp_path / "store"), tmp_path / "artifacts", clock)
    add_network(registry)
    app = create_app(Settings(artifacts_folder=str(registry.artifacts_root)), registry.store, clock)
    with serving(app) as url:
        yield World(ModelsClient(url, HOURLY), registry, clock)
    app.extensions["worker"].close()
    registry.store.close()


def a_history(hours: int = HOURS, gaps: tuple[int, ...] = ()) -> list[LinkSeries]:
    """Return the hours of two links from ``START`` on."""
    random = np.random.default_rng(5)
    found = []
    for link, location in PAIRS:
        values = 5 + random.normal(0, 0.5, (hours, 2))
        values[list(gaps)] = np.nan
        found.append(LinkSeries(link, location, START, HOUR, values))
    return found


def issue_times(count: int, end: datetime = NOON) -> list[datetime]:
    """Return the last issue times whose values are known at ``end``, oldest first."""
    return [end - STRIDE * number for number in range(count, 0, -1)]


def test_every_link_is_forecast_at_every_issue_time_from_what_was_known(world: World) -> None:
    links = a_history()
    done = Roll(world.client, links, SECTION).run(NOON - 2 * STRIDE, NOON)
    assert (done.forecasts, done.passed_over) == (4, 0)
    found = {(each.link, each.location, each.issue_time): each for each in world.served()}
    assert set(found) == {(*pair, time) for pair in PAIRS for time in issue_times(2)}
    for series in links:
        for time in issue_times(2):
            end = (time - series.start_time) // HOUR + 1
            expected = mean_of_window(series.values[end - 25 : end, 0].tolist())
            assert found[(*series.pair, time)].said[0] == pytest.approx(expected, rel=1e-5)


def test_a_run_that_was_cut_off_is_made_up_for_and_nothing_is_done_twice(world: World) -> None:
    links = a_history()

    class Killed(Exception):
        pass

    def dies(time: datetime, number: int, count: int) -> None:
        if number == 3:
            raise Killed

    with pytest.raises(Killed):
        Roll(world.client, links, SECTION).run(NOON - 6 * STRIDE, NOON, told=dies)
    again = Roll(world.client, links, SECTION).run(NOON - 6 * STRIDE, NOON)
    assert again.forecasts == 2 * 3
    assert len(world.served()) == 2 * 6
    undisturbed = Roll(world.client, links, SECTION).run(NOON - 6 * STRIDE, NOON)
    assert (undisturbed.forecasts, undisturbed.labelled) == (0, 0)


def test_each_of_59_forecasts_gets_its_truth_the_last_odd_one_too(world: World) -> None:
    links = [a_history(24 * 31)[0]]
    last = START + timedelta(days=30)
    roll = Roll(world.client, links, SECTION)
    done = roll.run(last - 58 * STRIDE, last + 4 * HOUR)
    assert (done.forecasts, done.labelled) == (59, 58)  # the hours of the last are not over
    assert roll.run(last, last + 7 * HOUR).labelled == 1
    found = world.served()
    assert len(found) == 59
    for each in found:
        first = (each.times[0] - START) // HOUR
        assert each.labels is not None
        assert [list(labels) for labels in each.labels] == links[0].values[first : first + HORIZON].T.tolist()


def test_a_step_that_was_never_measured_has_no_truth_and_moves_no_other(world: World) -> None:
    missing = (NOON - STRIDE - START) // HOUR + 2
    links = [a_history(gaps=(missing,))[0]]
    Roll(world.client, links, SECTION).run(NOON - STRIDE, NOON)
    (served,) = world.served()
    assert served.labels is not None
    assert [value is None for value in served.labels[0]] == [False, True, False, False, False, False]
    assert served.labels[0][2] == links[0].values[missing + 1, 0]


def test_no_truth_is_sent_before_the_hour_of_its_last_step_is_over(world: World) -> None:
    links = a_history()
    roll = Roll(world.client, links, SECTION)
    roll.run(NOON - STRIDE, NOON - STRIDE + 6 * HOUR)
    assert [each.labels for each in world.served()] == [None, None]
    roll.run(NOON - STRIDE, NOON - STRIDE + 7 * HOUR)
    assert all(each.labels is not None for each in world.served())


def test_truth_beyond_the_end_of_the_data_is_waited_for(world: World) -> None:
    links = [a_history(HOURS - 8)[0]]  # three of the six hours are there
    assert Roll(world.client, links, SECTION).run(NOON - STRIDE, NOON).labelled == 0
    (served,) = world.served()
    assert served.labels is None


def test_what_is_measured_later_changes_no_forecast(world: World) -> None:
    links = a_history()
    end = (NOON - STRIDE - START) // HOUR + 1
    other = [replace(series, values=series.values.copy()) for series in links]
    for series in other:
        series.values[end:] = 99.0
    roll, changed = (Roll(world.client, each, SECTION) for each in (links, other))
    for series in links:
        assert roll._window_at(series.pair, NOON - STRIDE) == changed._window_at(series.pair, NOON - STRIDE)


def test_a_window_is_measured_anew_and_stays_one_row(world: World) -> None:
    links = a_history()
    roll = Roll(world.client, links, SECTION)
    start, end = roll.window_of(NOON - 3 * STRIDE)
    for now in (start + 3 * STRIDE, start + 9 * STRIDE, end + STRIDE):
        roll.run(start, now)
    items = world.client._post("/read-metrics", {"modelDeploymentCrn": HOURLY, "withHistory": True})["metrics"]
    aggregates = [item for item in items if "predictionUuid" not in item]
    whole = [each for each in world.served() if start <= each.issue_time < end]
    first = [item for item in aggregates if item["startTimestampMs"] == int(start.timestamp() * 1000)]
    assert len(first) == 1
    assert first[0]["metrics"] == pytest.approx(dict(window_errors(whole)))
    assert len(first[0]["history"]["rmse"]) == 2  # the first four hours of a window are of one forecast alone


def test_a_model_is_checked_after_the_last_issue_time_of_each_window(world: World) -> None:
    checked: list[datetime] = []
    roll = Roll(world.client, a_history(), SECTION)
    _, end = roll.window_of(NOON - timedelta(days=9))
    roll.run(end - 2 * STRIDE, end + 2 * STRIDE, checked=checked.append)
    assert checked == [end - STRIDE]


def test_links_of_which_too_little_is_known_are_passed_over(world: World) -> None:
    short = [replace(series, start_time=NOON - 20 * HOUR, values=series.values[:20]) for series in a_history()]
    done = Roll(world.client, [*a_history()[:1], short[1]], SECTION).run(NOON - STRIDE, NOON)
    assert (done.forecasts, done.passed_over) == (1, 1)
    assert "1 passed over" in done.told()


def test_an_app_that_is_away_is_named_with_what_to_do() -> None:
    client = ModelsClient("http://127.0.0.1:9", HOURLY)
    client._session.mount("http://", HTTPAdapter())  # which does not try again
    with pytest.raises(ModelsUnavailable, match=r"http://127\.0\.0\.1:9 cannot be reached .* link_traffic\.models_url"):
        client.forecast([])


def test_a_refusal_is_told_with_its_reason(world: World) -> None:
    client = ModelsClient(world.client.url, "nobody")
    with pytest.raises(ModelsUnavailable, match="404"):
        Roll(client, a_history(), SECTION).run(NOON - STRIDE, NOON, served_since=NOON)


def test_the_error_of_a_window_is_by_direction_and_leaves_out_steps_without_truth() -> None:
    times = [NOON + number * HOUR for number in (1, 2)]
    served = [
        Served("a", *PAIRS[0], times, ((1.0, 2.0), (1.0, 1.0)), ((2.0, None), (1.0, 3.0))),
        Served("b", *PAIRS[0], times, ((0.0, 0.0), (0.0, 0.0)), None),
    ]
    assert window_errors(served) == pytest.approx({"rmse": (1 + 2**0.5) / 2, "rmse_rx": 1.0, "rmse_tx": 2**0.5})
    assert window_errors(served[1:]) == {}
