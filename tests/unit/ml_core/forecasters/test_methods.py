"""What each method is for, on series made for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from ml_core.forecasters.arima import Arima
from ml_core.forecasters.base import CannotForecast, Forecaster, Path
from ml_core.forecasters.catalogue import FORECASTERS, LIGHT, all_forecasters, light_forecasters
from ml_core.forecasters.direct_xgboost import MOST_ROUNDS, ROUNDS, WARM_ROUNDS, DirectXGBoost
from ml_core.forecasters.exponential_smoothing import ExponentialSmoothing
from ml_core.forecasters.local_median import LocalMedian
from ml_core.forecasters.naive import Naive
from ml_core.forecasters.profiles import Profiles
from ml_core.forecasters.ridge import LeastDeviations, Ridge
from ml_core.forecasters.same_hour import SameHour
from ml_core.forecasters.same_phase import SamePhase, SameWeek
from ml_core.forecasters.same_phase_ratio import SamePhaseRatio
from ml_core.forecasters.seasonal_naive import SeasonalNaive
from ml_core.forecasters.stacked_medians import StackedMedians
from ml_core.timeseries.series import Floats, Series

START = datetime(2026, 1, 5, tzinfo=UTC)
HOUR, QUARTER = timedelta(hours=1), timedelta(minutes=15)


def hourly(values: Floats) -> Series:
    return Series(START, HOUR, values)


def said(forecaster: Forecaster, history: Series) -> Path:
    forecaster.fit(history)
    return forecaster.forecast(history)


def noise(length: int, size: float = 1.0) -> Floats:
    return np.random.default_rng(0).normal(0, size, length)


def test_the_last_day_comes_again_as_often_as_the_horizon_asks() -> None:
    path = said(SeasonalNaive(horizon=50), hourly(np.arange(48.0)))
    assert path.point[[0, 23, 24, 47, 48]].tolist() == [24.0, 47.0, 24.0, 47.0, 24.0]


def test_a_spike_does_not_move_the_local_median() -> None:
    values = np.full(100, 5.0)
    values[-1] = 500.0
    assert (said(LocalMedian(horizon=3), hourly(values)).point == 5.0).all()
    assert (said(Naive(horizon=3), hourly(values)).point == 500.0).all()


def test_a_day_that_repeats_on_a_new_level_is_continued_there() -> None:
    day = 10 * np.sin(2 * np.pi * np.arange(24) / 24)
    values = np.tile(day, 8) + np.where(np.arange(192) < 168, 50.0, 90.0)
    path = said(SamePhase(horizon=24), hourly(values))
    np.testing.assert_allclose(path.point, 90 + day, atol=1e-6)
    assert path.quantiles is not None and (path.quantiles[:, 0] <= path.point).all()


def test_a_week_with_quiet_days_is_known_by_its_week() -> None:
    index = np.arange(24 * 7 * 3)
    values = np.where((index // 24) % 7 >= 5, 5.0, 60.0) + noise(len(index), 0.1)
    history = hourly(values).until(24 * 19 - 1)  # Friday night: what comes is a Saturday
    week, day = (said(kind(horizon=24), history).point for kind in (SameWeek, SamePhase))
    assert np.abs(week - 5).mean() < 5 < np.abs(day - 5).mean()


def test_a_swing_that_grows_with_the_load_is_met_by_its_ratio() -> None:
    shape = 1 + 0.5 * np.sin(2 * np.pi * np.arange(24 * 10) / 24)
    values = shape * np.where(np.arange(240) < 216, 10.0, 100.0)
    truth = 100 * shape[:24]
    ratio, level = (said(kind(horizon=24), hourly(values)).point for kind in (SamePhaseRatio, SamePhase))
    assert np.abs(ratio - truth).mean() < 0.5 * np.abs(level - truth).mean()


def test_a_ratio_of_values_that_are_not_positive_is_refused_but_a_later_zero_is_not() -> None:
    with pytest.raises(CannotForecast, match="takes positive values only, and the history has 0"):
        SamePhaseRatio(horizon=2).fit(hourly(np.arange(100.0)))
    values = np.arange(1.0, 101.0)
    forecaster = SamePhaseRatio(horizon=2)
    forecaster.fit(hourly(values))
    values[90] = 0.0
    assert np.isfinite(forecaster.forecast(hourly(values)).point).all()


@pytest.mark.parametrize("kind", [SameHour, Profiles, StackedMedians])
def test_a_job_that_runs_each_hour_is_known_by_its_minute(kind: Callable[..., Forecaster]) -> None:
    values = 20 + np.where(np.arange(96 * 4) % 4 == 1, 15.0, 0.0) + noise(96 * 4, 0.2)
    path = said(kind(horizon=8), Series(START, QUARTER, values))
    np.testing.assert_allclose(path.point, np.tile([20.0, 35.0, 20.0, 20.0], 2), atol=1.5)


@pytest.mark.parametrize(
    "kind", [ExponentialSmoothing, Profiles, Ridge, LeastDeviations, StackedMedians, DirectXGBoost]
)
def test_a_daily_season_is_forecast_far_better_than_by_the_last_value(kind: Callable[..., Forecaster]) -> None:
    season = 10 * np.sin(2 * np.pi * np.arange(24 * 14 + 6) / 24)
    history = hourly(40 + season[:-6] + noise(24 * 14))
    errors = np.abs(said(kind(horizon=6), history).point - 40 - season[-6:])
    naive = np.abs(said(Naive(horizon=6), history).point - 40 - season[-6:])
    assert errors.mean() < 0.4 * naive.mean()


@pytest.mark.parametrize("kind", [Ridge, LeastDeviations, StackedMedians, DirectXGBoost])
def test_a_level_that_was_never_seen_in_training_is_followed(kind: Callable[..., Forecaster]) -> None:
    history = hourly(40 + noise(300))
    forecaster = kind(horizon=4)
    forecaster.fit(history)
    shifted = np.concatenate([history.values, 400 + noise(60)])
    assert np.abs(forecaster.forecast(hourly(shifted)).point - 400).max() < 12


def test_absolute_loss_forecasts_the_median_and_squares_the_mean_of_rare_spikes() -> None:
    values = np.where(np.random.default_rng(4).random(1500) < 0.1, 60.0, 5.0)
    median = said(LeastDeviations(horizon=2), hourly(values)).point
    assert np.abs(median - 5).max() < 2.0


def test_arima_finds_the_coefficient_of_an_autoregression() -> None:
    values, shocks = np.zeros(600), noise(600)
    for index in range(1, 600):
        values[index] = 0.8 * values[index - 1] + shocks[index]
    forecaster = Arima(horizon=3)
    path = said(forecaster, hourly(values + 50))
    assert forecaster.order[1] in (0, 1)
    expected = 50 + values[-1] * 0.8 ** np.arange(1, 4)
    np.testing.assert_allclose(path.point, expected, atol=0.7)


def test_arima_differences_a_random_walk_and_stays_where_it_is() -> None:
    walk = np.cumsum(noise(500)) + 1000
    forecaster = Arima(horizon=5)
    path = said(forecaster, hourly(walk))
    assert forecaster.order[1] == 1 and np.abs(path.point - walk[-1]).max() < 1.5


def test_boosting_goes_on_from_its_trees_up_to_a_bound_and_stops_when_its_time_is_over() -> None:
    history = hourly(40 + noise(200))
    forecaster = DirectXGBoost(horizon=2)
    counts = []
    for _ in range(7):
        forecaster.fit(history)
        counts.append(forecaster._booster.num_boosted_rounds())
    assert counts[:2] == [ROUNDS, ROUNDS + WARM_ROUNDS] and max(counts) <= MOST_ROUNDS and counts[-1] == ROUNDS
    hurried = DirectXGBoost(horizon=2, budget_seconds=0.0)
    hurried.fit(history)
    assert hurried._booster.num_boosted_rounds() < ROUNDS


def test_the_catalogue_makes_every_forecaster_for_one_horizon() -> None:
    assert [forecaster.name for forecaster in light_forecasters(3)] == [kind.name for kind in LIGHT]
    assert {forecaster.name for forecaster in all_forecasters(3)} == set(FORECASTERS)
    assert {forecaster.horizon for forecaster in all_forecasters(3)} == {3}
