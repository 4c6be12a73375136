"""Hours in the store: once each, none unfinished, late ones healed, and a fault spoils nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from forecasting_jobs.response_time.appdynamics import Controller
from forecasting_jobs.response_time.controller_config import ControllerConfig
from forecasting_jobs.response_time.fetch_hourly_data import fetch, fetch_until, missing_hours, refuse_failures
from forecasting_jobs.response_time.metrics import ALL_METRICS, ART, series_name
from forecasting_jobs.response_time.parts import Parts
from forecasting_jobs.response_time.simulate_controller import SimulatedController
from forecasting_jobs.response_time.simulated_load import SimulatedLoad
from ml_core.clock import FixedClock
from ml_core.errors import SuiteError
from ml_core.records import Observation
from tests.factories import NOON

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FEW = (ART, "calls_per_minute")


def times(parts: Parts, server: str = "ABP", metric: str = ART) -> list[datetime]:
    frame = parts.store.observations(series_name("ABP", server, metric), NOON - 90 * DAY, NOON + 90 * DAY)
    return [time.to_pydatetime() for time in frame["time"]]


def values(parts: Parts) -> dict[str, list[float]]:
    return {
        series: list(parts.store.observations(series, NOON - 90 * DAY, NOON + 90 * DAY)["value"])
        for series in parts.store.list_series()
    }


def test_the_first_fetch_brings_all_metrics_of_all_servers_as_far_back_as_is_wanted(parts: Parts) -> None:
    fetched = fetch_until(parts, NOON, start=NOON - 3 * DAY)
    assert fetched.failures == ()
    assert (fetched.servers, fetched.new, fetched.corrected) == (2, 2 * len(ALL_METRICS) * 72, 0)
    assert times(parts) == [NOON - number * HOUR for number in range(72, 0, -1)]


def test_to_fetch_again_changes_nothing(parts: Parts, client: Controller) -> None:
    fetch(parts, client, NOON, metrics=FEW)
    before = values(parts)
    again = fetch(parts, client, NOON, metrics=FEW)
    assert (again.new, again.corrected) == (0, 0)
    assert values(parts) == before
    assert len(before[parts.series]) == 21 * 24


def test_the_next_hour_is_asked_for_with_an_overlap_and_not_all_again(
    parts: Parts, client: Controller, controller: SimulatedController, clock: FixedClock
) -> None:
    fetch(parts, client, NOON, metrics=FEW)
    clock.advance(HOUR)
    asked = controller.questions
    assert fetch(parts, client, NOON + HOUR, metrics=FEW).new == 2 * len(FEW)
    assert controller.questions == asked + len(FEW)


def test_an_hour_that_is_not_over_is_never_stored(parts: Parts, client: Controller, clock: FixedClock) -> None:
    clock.advance(timedelta(minutes=40))
    assert parts.finished(clock.now()) == NOON
    fetch(parts, client, parts.finished(clock.now()), metrics=FEW)
    assert max(times(parts)) == NOON - HOUR


def test_an_hour_has_some_minutes_to_settle(parts: Parts) -> None:
    assert parts.finished(NOON + timedelta(minutes=4)) == NOON - HOUR
    assert parts.finished(NOON + timedelta(minutes=5)) == NOON


def test_late_points_are_taken_in_and_what_has_changed_is_corrected(
    parts: Parts, client: Controller, controller: SimulatedController
) -> None:
    fetch(parts, client, NOON, metrics=FEW)
    expected = values(parts)
    wrong = Observation(NOON - 3 * HOUR, 1.0, NOON, correct=True)
    parts.store.record_observations(parts.series, [wrong])
    healed = fetch(parts, client, NOON, metrics=FEW)
    assert (healed.new, healed.corrected) == (0, 1)
    assert values(parts) == expected


def test_an_hour_whose_points_come_late_is_missing_first_and_healed_by_the_next_fetches(
    parts: Parts, client: Controller, controller: SimulatedController, clock: FixedClock
) -> None:
    load = controller.load = SimulatedLoad(servers=("ABP",))
    late = next(hour for hour in (NOON + number * HOUR for number in range(300)) if is_late(load, hour))
    clock.time = late + HOUR
    fetch(parts, client, late + HOUR, start=late - DAY, metrics=(ART,))
    assert late not in times(parts)
    assert missing_hours(parts, late + HOUR)[parts.series][-1] == late
    clock.time = late + 3 * HOUR
    fetch(parts, client, late + 3 * HOUR, metrics=(ART,))
    assert late in times(parts)


def test_the_overlap_heals_late_points_of_all_metrics(
    parts: Parts, client: Controller, controller: SimulatedController, clock: FixedClock
) -> None:
    load = controller.load = SimulatedLoad(servers=("ABP",))
    late = next(hour for hour in (NOON + number * HOUR for number in range(300)) if is_late(load, hour))
    for clock.time in (late, late + HOUR):
        assert fetch(parts, client, clock.time).failures == ()
    assert not any(late in times(parts, metric=metric) for metric in ALL_METRICS)
    clock.time, asked = late + 3 * HOUR, controller.questions
    assert fetch(parts, client, late + 3 * HOUR).failures == ()
    assert controller.questions == asked + len(ALL_METRICS) == asked + 28
    assert all(late in times(parts, metric=metric) for metric in ALL_METRICS)


def is_late(load: SimulatedLoad, hour: datetime) -> bool:
    """Return whether less than half of an hour is to be had at its end, and all but some minutes two hours later."""
    end = hour + HOUR
    return (
        len(load.measured("ABP", ART, hour, end, end).minutes)
        < 30
        < len(load.measured("ABP", ART, hour, end, end + 2 * HOUR).minutes)
    )


@pytest.mark.parametrize("fault", ["xml", "text", "unavailable"])
def test_a_metric_that_fails_is_told_and_the_others_are_stored(
    parts: Parts, client: Controller, config: ControllerConfig, controller: SimulatedController, fault: str
) -> None:
    one_at_a_time = Controller(replace(config, connections=1), pause_seconds=0.01)
    controller.faults.extend([fault] * (3 if fault == "unavailable" else 1))
    fetched = fetch(parts, one_at_a_time, NOON, start=NOON - DAY, metrics=FEW)
    one_at_a_time.close()
    (failure,) = fetched.failures
    assert failure.startswith(ART)
    assert len(times(parts, metric="calls_per_minute")) == 24
    assert len(times(parts, "ABP")) == 0
    assert len(times(parts, "ABPServer1")) == (24 if fault == "text" else 0)
    with pytest.raises(SuiteError, match=ART):
        refuse_failures(fetched)
    assert fetch(parts, client, NOON, start=NOON - DAY, metrics=FEW).failures == ()
    assert len(times(parts, "ABP")) == 24


def test_a_server_that_vanishes_or_appears_keeps_nobody_back(
    parts: Parts, client: Controller, controller: SimulatedController, clock: FixedClock
) -> None:
    fetch(parts, client, NOON, metrics=(ART,))
    controller.load = SimulatedLoad(servers=("ABP", "ABPServer2"), is_punctual=True)
    clock.advance(10 * HOUR)
    fetched = fetch(parts, client, NOON + 10 * HOUR, metrics=(ART,))
    assert fetched.failures == ()
    assert len(times(parts, "ABP")) == 21 * 24 + 10
    assert len(times(parts, "ABPServer1")) == 21 * 24
    assert len(times(parts, "ABPServer2")) == 16
    missing = missing_hours(parts, NOON + 10 * HOUR)
    assert missing[parts.series] == []
    assert missing[series_name("ABP", "ABPServer1", ART)] == [NOON + number * HOUR for number in range(10)]


def test_a_stretch_that_is_fetched_by_its_start_does_not_hide_the_hours_before_it(
    parts: Parts, client: Controller
) -> None:
    fetch(parts, client, NOON, start=NOON - 5 * HOUR, metrics=FEW)
    assert len(times(parts)) == 5
    fetch(parts, client, NOON, metrics=FEW)
    assert len(times(parts)) == 21 * 24


def test_a_metric_of_which_one_server_failed_is_asked_for_again_from_where_it_was_whole(
    parts: Parts, client: Controller, controller: SimulatedController, clock: FixedClock
) -> None:
    fetch(parts, client, NOON, metrics=(ART,))
    clock.time = NOON + 20 * HOUR
    controller.faults.append("text")
    assert fetch(parts, client, NOON + 20 * HOUR, metrics=(ART,)).failures
    clock.time = NOON + 40 * HOUR
    assert fetch(parts, client, NOON + 40 * HOUR, metrics=(ART,)).failures == ()
    assert missing_hours(parts, NOON + 40 * HOUR)[parts.series] == []
