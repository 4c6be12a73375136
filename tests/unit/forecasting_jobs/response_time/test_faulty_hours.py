"""A controller or clock that is not as it should be: the hour tells why it failed, the others go on, the next heals."""

from __future__ import annotations

import time as machine
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from forecasting_jobs.response_time.controller_config import TOKEN_PATH
from forecasting_jobs.response_time.fetch_hourly_data import fetch_until
from forecasting_jobs.response_time.hour import NAME, hourly_job
from forecasting_jobs.response_time.metrics import ALL_METRICS, ART, series_name
from forecasting_jobs.response_time.parts import Parts
from forecasting_jobs.response_time.simulate_controller import SimulatedController
from ml_core.clock import FixedClock
from ml_core.jobs.runner import ExitCode, run_job
from ml_core.processes import free_port
from tests.factories import NOON
from tests.unit.forecasting_jobs.response_time.conftest import Begun

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FIRST = NOON + timedelta(minutes=5)


@pytest.fixture
def patient(parts: Parts) -> Parts:
    """The parts with one connection, so that faults that follow each other meet one question."""
    return with_patience(parts)


@pytest.fixture
def after_first_hour(begun: Begun, clock: FixedClock) -> Parts:
    """Such parts for which the first hour is done, when it is."""
    clock.time = FIRST
    return with_patience(begun("faulty", clock))


def with_patience(parts: Parts) -> Parts:
    changed = parts.section.model_copy(update={"connections": 1, "timeout_seconds": 1.0, "history_days": 12})
    return replace(parts, settings=parts.settings.model_copy(update={"response_time": changed}))


def run(parts: Parts) -> ExitCode:
    return run_job(hourly_job(parts), parts.store, parts.clock)


def reason(parts: Parts) -> str:
    newest = parts.store.list_runs(NAME, newest=1)[0]
    assert newest.state == "failed"
    return newest.message or ""


def known(parts: Parts) -> dict[str, list[tuple[Any, ...]]]:
    found = {}
    for series in parts.store.list_series():
        frame = parts.store.observations(series, NOON - 90 * DAY, NOON + 90 * DAY)
        found[series] = list(frame[["time", "value"]].itertuples(index=False, name=None))
    return found


def has_hour(parts: Parts, hour: datetime, metric: str, server: str = "ABP") -> bool:
    return len(parts.store.observations(series_name("ABP", server, metric), hour, hour + HOUR)) == 1


FAULTS = (
    ("unavailable", 3, f"{ART}: the controller "),
    ("slow", 3, f"{ART}: the controller cannot be reached"),
    ("unauthorised", 2, f"{ART}: the controller does not accept the tokens"),
    ("xml", 1, f"{ART}: the controller answered XML or HTML"),
    ("half", 3, f"{ART}: the controller's answer was cut off"),
    ("text", 1, f"{ART} of ABP: metricValues[0].sum: expected a number"),
)


def test_a_fault_fails_the_hour_with_its_reason_while_the_others_go_on_and_the_next_run_heals_it(
    after_first_hour: Parts, clock: FixedClock, controller: SimulatedController
) -> None:
    patient = after_first_hour
    for number, (fault, times, message) in enumerate(FAULTS):
        hour = NOON + number * HOUR
        clock.time = hour + HOUR + timedelta(minutes=5)
        controller.faults.extend([fault] * times)
        assert run(patient) == ExitCode.FAILED, fault
        assert reason(patient).startswith(message) and "more" not in reason(patient)
        assert not controller.faults
        assert [metric for metric in ALL_METRICS if not has_hour(patient, hour, metric)] == [ART]
        assert has_hour(patient, hour, ART, "ABPServer1") is (fault == "text")
        clock.advance(timedelta(minutes=10))
        assert run(patient) == ExitCode.DONE, fault
        assert has_hour(patient, hour, ART) and has_hour(patient, hour, ART, "ABPServer1")


def test_a_fault_that_passes_leaves_no_trace(
    patient: Parts, clock: FixedClock, controller: SimulatedController
) -> None:
    fetch_until(patient, NOON, start=NOON - DAY)
    expected = known(patient)
    for fault in ("duplicates", "unavailable", "half", "unauthorised"):
        controller.faults.append(fault)
        again = fetch_until(patient, NOON, start=NOON - DAY)
        assert (again.failures, again.new, again.corrected) == ((), 0, 0)
        assert known(patient) == expected


def test_a_controller_that_is_down_leaves_everything_as_it_is(patient: Parts, clock: FixedClock) -> None:
    fetch_until(patient, NOON, start=NOON - DAY)
    before = known(patient)
    config = Path(patient.section.config_file)
    creds = yaml.safe_load(config.read_text())["client_creds"]
    nobody = f"http://127.0.0.1:{free_port()}{TOKEN_PATH}"
    config.write_text(yaml.safe_dump({"client_creds": creds | {"geturl": nobody}}))
    clock.time = FIRST + 9 * HOUR  # so long after what is known that nothing is forecast
    assert run(patient) == ExitCode.FAILED
    assert "cannot be reached" in reason(patient) and f"and {len(ALL_METRICS) - 2} more" in reason(patient)
    assert known(patient) == before
    assert patient.store.forecasts(patient.series, NOON - DAY, NOON + DAY).empty


def test_a_clock_that_was_ahead_or_is_set_back_costs_no_hour_and_makes_none(
    after_first_hour: Parts, clock: FixedClock, controller: SimulatedController
) -> None:
    patient = after_first_hour
    before = known(patient)
    controller.clock = FixedClock(FIRST)
    clock.time = FIRST + 3 * DAY  # the machine's clock is wrong, so it takes the controller's newest hour for whole
    assert run(patient) == ExitCode.FAILED
    assert "no response time of ABP is known of the 6 hours before 2026-11-23T12:00:00Z" in reason(patient)
    assert {series: rows[: len(before[series])] for series, rows in known(patient).items()} == before
    controller.clock = clock
    for hours in (-2, 0, 1):
        clock.time = FIRST + hours * HOUR
        assert run(patient) == ExitCode.DONE
    assert has_hour(patient, NOON, ART) and not has_hour(patient, NOON + HOUR, ART)
    again = fetch_until(patient, NOON + HOUR, start=NOON - DAY)
    assert (again.new, again.corrected) == (0, 0)
    issued = patient.store.forecasts(patient.series, NOON - DAY, NOON + 9 * DAY)["issue_time"]
    assert sorted({time.to_pydatetime() for time in issued}) == [NOON + number * HOUR for number in range(-3, 1)]


@pytest.fixture
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The machine in a zone whose clocks change."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    machine.tzset()
    yield
    monkeypatch.undo()
    machine.tzset()


@pytest.mark.usefixtures("in_berlin")
@pytest.mark.parametrize("change", [datetime(2026, 10, 25, 1, tzinfo=UTC), datetime(2026, 3, 29, 1, tzinfo=UTC)])
def test_hours_follow_each_other_where_the_clocks_of_the_machine_change(
    patient: Parts, clock: FixedClock, change: datetime
) -> None:
    for number in range(-2, 4):
        clock.time = change + number * HOUR + timedelta(minutes=5)
        fetched = fetch_until(patient, patient.finished(clock.now()), start=None if number > -2 else change - DAY)
        assert fetched.failures == ()
    frame = patient.store.observations(patient.series, change - DAY, change + DAY)
    hours = [time.to_pydatetime() for time in frame["time"]]
    assert hours == [change - DAY + number * HOUR for number in range(len(hours))]
    assert hours[-1] == change + 2 * HOUR
