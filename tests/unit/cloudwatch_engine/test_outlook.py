"""The newest forecast as the engine tells it: bands, the probability of an overload, and when to expect it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from cloudwatch_engine.outlook import Outlook, newest_outlook
from ml_core.artifacts.forecaster_format import TriedForecasters
from ml_core.forecasters.naive import Naive
from ml_core.timeseries.series import Series

START = datetime(2026, 11, 1, tzinfo=UTC)
STEP = timedelta(minutes=5)


def a_walk(length: int = 1500, seed: int = 1) -> Series:
    return Series(START, STEP, 50 + np.cumsum(np.random.default_rng(seed).normal(size=length)))


def fitted(history: Series, horizon: int = 12) -> Naive:
    forecaster = Naive(horizon=horizon)
    forecaster.fit(history)
    return forecaster


def at_the_end(history: Series, forecaster: Naive, limit: float = 80.0) -> Outlook:
    """Return the outlook of a forecaster that was fitted on the first value alone, so that all errors count."""
    untried = TriedForecasters({"naive": forecaster}, (), {"naive": np.empty((0, forecaster.horizon))})
    return newest_outlook(untried.serve(history, START, limit), 0.2)


def test_bands_are_nested_and_widen_with_the_horizon() -> None:
    history = a_walk()
    outlook = at_the_end(history, fitted(history))
    bands = outlook.bands
    assert (bands["lower_95"] <= bands["lower_80"]).all()
    assert (bands["lower_80"] <= outlook.values).all()
    assert (outlook.values <= bands["upper_80"]).all()
    assert (bands["upper_80"] <= bands["upper_95"]).all()
    width = bands["upper_80"] - bands["lower_80"]
    assert width[-1] > 2 * width[0]


def test_bands_cover_about_what_they_say() -> None:
    history = a_walk(4000)
    forecaster = fitted(history)
    hits = []
    for origin in range(1000, 3900, 79):
        outlook = at_the_end(history.until(origin), forecaster)
        truth = history.values[origin + 1 : origin + 13]
        hits.append(np.mean((outlook.bands["lower_80"] <= truth) & (truth <= outlook.bands["upper_80"])))
    assert np.mean(hits) == pytest.approx(0.8, abs=0.06)


def test_nothing_that_comes_later_changes_an_outlook() -> None:
    history = a_walk()
    changed = Series(START, STEP, np.concatenate([history.values[:1001], -history.values[1001:]]))
    forecaster = fitted(history.until(1000))
    one, other = (at_the_end(series.until(1000), forecaster, 60.0) for series in (history, changed))
    assert one.values.tolist() == other.values.tolist()
    assert one.overload == other.overload


def test_who_forecasts_is_told_and_for_when() -> None:
    history = a_walk()
    outlook = at_the_end(history, fitted(history))
    assert (outlook.forecaster, outlook.issue_time) == ("naive", history.end_time)
    assert outlook.valid_times == tuple(history.end_time + step * STEP for step in range(1, 13))


def test_a_limit_that_is_not_reached_has_no_crossing_time_and_one_that_is_has_the_next_step() -> None:
    history = a_walk()
    calm, wild = (at_the_end(history, fitted(history), limit).overload for limit in (500.0, -500.0))
    assert (calm.crossing_time, calm.is_warned) == (None, False)
    assert (wild.crossing_time, wild.is_warned) == (history.end_time + STEP, True)
    assert 0 < calm.probability < 0.01 < 0.99 < wild.probability < 1


def test_within_an_hour_is_not_more_likely_than_within_the_horizon() -> None:
    history = a_walk()
    outlook = at_the_end(history, fitted(history, horizon=36), history.values[-1] + 4.0)
    assert outlook.overload.probability_1h < outlook.overload.probability
    assert outlook.overload.crossing_time is not None
    assert outlook.overload.crossing_time > history.end_time + timedelta(minutes=20)


def test_the_probability_is_honest_on_a_random_walk() -> None:
    history = a_walk(6000, seed=4)
    forecaster = fitted(history)
    said, came = [], []
    for origin in range(1000, 5900, 61):
        limit = history.values[origin] + 2.0
        said.append(at_the_end(history.until(origin), forecaster, limit).overload.probability)
        came.append(bool((history.values[origin + 1 : origin + 13] > limit).any()))
    assert np.mean(said) == pytest.approx(np.mean(came), abs=0.1)


def test_a_history_without_errors_yet_has_bands_from_its_own_changes() -> None:
    history = Series(START, STEP, np.array([1.0, 5.0, 2.0, 6.0, 3.0]))
    outlook = at_the_end(history, fitted(history))
    assert (outlook.bands["lower_95"] <= outlook.values).all()
    assert (outlook.bands["upper_95"] > outlook.values).all()
