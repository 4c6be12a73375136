"""What a replay of forecasts calls, and when; the whole of it is seen in tests/e2e."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from forecasting_jobs.kept_process import KeptProcesses
from forecasting_jobs.replay.arrivals import Arrivals
from forecasting_jobs.replay.forecast_plans import ForecastPlan, plan_of
from forecasting_jobs.replay.scratch import Scratch, copy_forecasts, copy_model, scratch_world
from forecasting_jobs.replay.series import Course, _agenda, _Production, arrivals_of
from forecasting_jobs.replay.timeline import Timeline
from forecasting_jobs.suite_process import CommandFailed
from ml_core.clock import format_time
from ml_core.errors import InvalidInput
from ml_core.process_parts import ProcessParts
from ml_core.registry import Registry
from ml_core.settings import Settings
from ml_core.store.json_store import JsonStore
from tests.factories import NOON, a_forecast, a_model, a_version
from tests.series_to_replay import HOUR, LATE, hours, record

MODEL, SERIES = "cpu-i-0abc", "cloudwatch/i-0abc/CPUUtilization"
DAY = timedelta(days=1)


@pytest.fixture
def real(registry: Registry) -> Registry:
    """What is replayed: a day of CPU around noon."""
    record(registry.store, SERIES, hours(NOON - DAY / 2, NOON + DAY / 2))
    return registry


@pytest.fixture
def plan(real: Registry, settings: Settings) -> ForecastPlan:
    plan = plan_of(ProcessParts(settings, real), MODEL)
    assert plan is not None
    return plan


@pytest.fixture
def world(tmp_path: Path, real: Registry) -> Iterator[Scratch]:
    with scratch_world(tmp_path / "replay", NOON) as world:
        yield world


@pytest.fixture
def production(world: Scratch, plan: ForecastPlan) -> _Production:
    """A replay whose processes would be started by the first call; none is made here."""
    timeline = Timeline(MODEL, NOON, NOON + DAY, "mae")
    return _Production(world, plan, timeline, KeptProcesses({}), [].append)


def named(production: _Production, end_hours: float, **changes: Any) -> list[str]:
    course = Course(NOON, NOON + end_hours * HOUR, HOUR / 2, **changes)
    return [f"{time:%H:%M} {call.__name__}" for time, _, call in _agenda(production, course)]


def test_jobs_are_called_when_the_schedule_calls_them_and_checks_in_between(production: _Production) -> None:
    called = named(production, 0.2)
    assert called == ["12:01 forecast", "12:06 forecast", "12:07 train", "12:11 forecast", "12:12 check"]
    without = named(production, 6.5, with_training=False)
    assert {call.split()[1] for call in without} == {"forecast", "check"}
    assert [call for call in without if call.endswith("check")][::4] == [
        "12:30 check",
        "14:30 check",
        "16:30 check",
        "18:30 check",
    ]
    assert [call for call in named(production, 24) if call.endswith("train")] == [
        "12:07 train",
        "18:07 train",
        "00:07 train",
        "06:07 train",
    ]
    thinned = named(production, 2.1, forecast_every=HOUR, with_training=False)
    assert [call for call in thinned if call.endswith("forecast")] == [
        "12:01 forecast",
        "13:01 forecast",
        "14:01 forecast",
    ]


def test_values_are_in_the_store_when_they_are_known_and_the_job_is_called_on_news_alone(
    production: _Production, real: Registry, plan: ForecastPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[tuple[str, ...]] = []
    monkeypatch.setattr(KeptProcesses, "run", lambda self, *command: called.append(command) or "")
    arrivals, store = Arrivals(real.store, plan.sources), production.world.parts.store
    for minutes in (0, 1, 2, 4, 62):
        production.learn(arrivals, NOON + minutes * HOUR / 60)
        newest = store.observations(SERIES, NOON - DAY, NOON + DAY)["received_time"].max()
        assert newest <= NOON + minutes * HOUR / 60
        production.forecast()
    assert called == [("cloudwatch_engine", "forecast")] * 3  # at first, when 11:00 is known, when 12:00 is
    assert newest == NOON + LATE


def test_a_failure_is_told_once_until_it_is_another_or_over_and_the_first_forecast_must_succeed(
    production: _Production, plan: ForecastPlan
) -> None:
    def failing(message: str) -> Callable[..., str]:
        def run(*command: str) -> str:
            raise CommandFailed(message)

        return run

    with pytest.raises(CommandFailed, match="cloudwatch-forecast failed at 2026-11-20T12:00:00Z: too little is known"):
        production._call(plan.forecasting, failing("too little is known"))
    production.has_forecast = True
    for message in ("a", "a", "b"):
        assert production._call(plan.forecasting, failing(message)) is None
    assert production._call(plan.retraining, failing("c")) is None
    assert production._call(plan.forecasting, lambda *command: " ".join(command)) == "cloudwatch_engine forecast"
    assert production._call(plan.forecasting, failing("b")) is None
    assert [happening.text for happening in production.timeline.happenings] == [
        "cloudwatch-forecast: a",
        "cloudwatch-forecast: b",
        "cloudwatch-retrain: c",
        "cloudwatch-forecast: b",
    ]


def test_what_was_said_before_by_versions_of_that_time_is_copied(world: Scratch, real: Registry) -> None:
    real.add_model(a_model(MODEL, task="forecast"))
    for created in (NOON - DAY, NOON + DAY):
        real.store.add_version(a_version(MODEL, created_time=created))  # whose files are gone
    real.promote(real.find(MODEL), 1)
    for back, version in ((1, 1), (2, 2), (3, None), (-1, 1)):
        forecast = a_forecast(NOON - back * HOUR, series=SERIES, model=MODEL, version=version)
        real.store.put_forecast(forecast)
    copied = copy_model(real, world.parts.registry, MODEL, NOON)
    assert copied is not None
    assert copy_forecasts(real.store, world.parts.store, SERIES, copied, NOON) == 1
    there = world.parts.store.forecasts(SERIES, NOON - DAY, NOON + DAY)
    assert {format_time(time) for time in there["issue_time"]} == {"2026-11-20T11:00:00Z"}


def test_a_time_at_which_nothing_was_known_is_refused_with_the_first_that_would_do(
    real: Registry, plan: ForecastPlan
) -> None:
    first = NOON - DAY / 2 + LATE
    assert arrivals_of(real, plan, first).first_time(SERIES) == first
    with pytest.raises(
        InvalidInput, match=f"^--from: nothing of {SERIES} was known at .*{format_time(first)}: begin l"
    ):
        arrivals_of(real, plan, first - HOUR / 60)
    assert arrivals_of(real, plan, first - HOUR / 60, HOUR / 60).first_time(SERIES) == NOON - DAY / 2 + HOUR / 60


def test_no_process_of_the_world_writes_where_others_read_or_asks_a_controller(world: Scratch) -> None:
    own = world.parts.settings
    assert own.cloudwatch.folder.startswith(str(world.folder.resolve()))
    assert own.response_time.csv_file is not None
    assert Path(own.response_time.csv_file).read_text() == "time,server,metric,value\n"
    assert isinstance(world.parts.store, JsonStore)
