"""The six models must beat the champion at issue times that neither has seen, by what was known when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest

from forecasting_jobs.response_time.parts import Parts
from forecasting_jobs.response_time.retrain import JOB, ResponseTime, owner
from forecasting_jobs.response_time.train_model import HORIZON, train
from forecasting_jobs.response_time.transform_predict import forecast
from ml_core.clock import FixedClock, parse_time
from ml_core.records import Observation
from ml_core.retraining.owner import Owner
from ml_core.retraining.requests import file_by_hand
from ml_core.retraining.retrain import retrain
from ml_core.retraining.trials import read_trial
from ml_core.store.companions import shadow_name
from tests.factories import NOON

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def season(hours: np.ndarray) -> np.ndarray:
    return 400 + 120 * np.sin(2 * np.pi * hours / 24) + np.random.default_rng(3).normal(0, 8, len(hours))


def walk(hours: np.ndarray) -> np.ndarray:
    """A course without a season, of which nothing can be said but the last value."""
    return 900 + np.cumsum(np.random.default_rng(4).normal(0, 5, len(hours)))


def measure(parts: Parts, first_day: int, last_day: int, course: Callable[[np.ndarray], np.ndarray]) -> None:
    """Record the hours of some days, counted from noon; each is known when it is over."""
    numbers = np.arange(first_day * 24, last_day * 24)
    rows = [
        Observation(NOON + int(number) * HOUR, float(value), NOON + int(number + 1) * HOUR)
        for number, value in zip(numbers, course(numbers), strict=True)
    ]
    parts.store.record_observations(parts.series, rows)


@pytest.fixture
def changed(parts: Parts, clock: FixedClock) -> Parts:
    """Parts whose champion is the last value, which was all that could be said until a season began."""
    measure(parts, -21, 0, walk)
    assert train(parts, parts.history(NOON), trials=1).served == "naive"
    measure(parts, 0, 21, season)
    clock.advance(21 * DAY)
    return parts


def quick(parts: Parts) -> Owner:
    return Owner(JOB, parts, [ResponseTime(parts, trials=1)])


def test_once_there_is_a_season_the_six_take_the_place_of_the_last_value(changed: Parts) -> None:
    file_by_hand(changed.store, changed.model, author="ada", now=changed.clock.now())
    assert "promoted: version 3 loses" in retrain(quick(changed))
    version = changed.registry.champion(changed.registry.find(changed.model))
    assert version is not None and version.number == 3
    assert NOON < parse_time(version.lineage["cut_off_time"]) <= changed.clock.now() - 5 * DAY
    assert forecast(changed, changed.finished(changed.clock.now())) is not None


def test_a_champion_that_has_seen_nearly_all_is_challenged_from_the_shadow(parts: Parts, clock: FixedClock) -> None:
    measure(parts, -21, 0, season)
    challenger = train(parts, parts.history(NOON), trials=1).served_version + 1
    file_by_hand(parts.store, parts.model, author="ada", now=clock.now())
    assert f"shadow: version {challenger}: fewer than 30 outcomes" in retrain(quick(parts))
    measure(parts, 0, 2, season)
    for _ in range(2):
        clock.advance(DAY)
        assert f"shadow goes on: version {challenger} loses" in retrain(quick(parts))
    said = parts.store.forecasts(parts.series, NOON, NOON + 9 * DAY, model=shadow_name(parts.model, challenger))
    assert {step.hour for step in said["issue_time"]} == {0, 6, 12, 18}
    assert len(said) == HORIZON * said["issue_time"].nunique()
    trial = read_trial(parts.store, parts.model)
    assert trial is not None and trial.pairs == 7
    assert [subject.model for subject in owner(parts).subjects] == [parts.model]


def test_what_comes_later_changes_neither_a_comparison_nor_a_challenger(changed: Parts) -> None:
    subject, as_of = ResponseTime(changed, trials=1), changed.clock.now()
    until = as_of - 5 * DAY
    before = subject.train(until, as_of)
    lost = subject.losses(before, until, as_of, as_of)
    assert len(lost) == 19  # issue times every six hours whose six hours are known
    measure(changed, 21, 23, lambda hours: np.full(len(hours), 9_000.0))
    after = subject.train(until, as_of)
    assert after.metrics == before.metrics
    assert subject.losses(after, until, as_of, as_of).equals(lost)


def test_a_forecast_that_was_served_counts_as_it_was_served(changed: Parts) -> None:
    now, subject = changed.clock.now(), ResponseTime(changed)
    issue_time = now.replace(hour=0) - DAY
    assert forecast(changed, issue_time + HOUR) is not None
    version = changed.registry.version(changed.registry.find(changed.model), 2)
    asked = subject.losses(version, issue_time, issue_time + HOUR, now)
    steps = changed.store.scored_forecasts(changed.series, issue_time, now, model=changed.model)
    steps = steps[steps["issue_time"] == issue_time]
    assert asked["loss"].tolist() == pytest.approx([(steps["truth"] - steps["value"]).abs().mean()])
