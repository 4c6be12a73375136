"""What is served: the preferred of the race at each issue time, whatever comes later or is cut off."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import ClassVar

import numpy as np
import pytest

from ml_core.forecasters.base import CannotForecast, Forecaster
from ml_core.forecasters.ensemble import NAME
from ml_core.forecasters.local_median import LocalMedian
from ml_core.forecasters.naive import Naive
from ml_core.forecasters.rolling import roll, usual_issues
from ml_core.forecasters.same_phase import SamePhase, SameWeek
from ml_core.forecasters.seasonal_naive import SeasonalNaive
from ml_core.forecasters.serving import preferred, serve
from ml_core.forecasters.stacked_medians import StackedMedians
from ml_core.forecasters.trial import FIRST_OF_SHORT, trial, trial_start, usual_stride
from ml_core.timeseries.series import Series

START = datetime(2026, 1, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)


def few() -> list[Forecaster]:
    kinds = (Naive, SeasonalNaive, LocalMedian, SamePhase, SameWeek, StackedMedians)
    return [kind(horizon=4) for kind in kinds]


def load(length: int = 400, *, seed: int = 0) -> Series:
    index = np.arange(length)
    noise = np.random.default_rng(seed).normal(0, 2, length)
    return Series(START, HOUR, 40 + 10 * np.sin(2 * np.pi * index / 24) + noise)


def test_the_ensemble_stays_unless_one_was_better_by_more_than_chance() -> None:
    random = np.random.default_rng(0)
    usual = random.uniform(1, 3, 40)
    assert preferred({NAME: usual, "lucky": usual - random.normal(0.02, 1, 40)}) == NAME
    assert preferred({NAME: usual, "better": usual * 0.7, "best": usual * 0.5}) == "best"
    assert preferred({NAME: usual[:10], "best": usual[:10] * 0.5}) == NAME  # too few origins to tell


def test_one_is_judged_only_where_it_had_a_forecast_too() -> None:
    errors = np.concatenate([np.full(30, 100.0), np.full(30, 1.0)])  # an incident before the late one joined
    late = np.concatenate([np.full(30, np.nan), np.full(30, 1.5)])
    assert preferred({NAME: errors, "late": late}) == NAME


def test_of_a_seasonal_load_the_served_forecast_beats_the_naive_one() -> None:
    served = serve(trial(load(), few(), stride=2), limit=52.0)
    known = np.isfinite(served.tried.truths).all(axis=1)
    late = known & (served.tried.origins > 250)
    truths = served.tried.truths[late]
    ours = np.abs(served.point[late] - truths).mean()
    assert ours < 0.7 * np.abs(served.tried.paths["naive"].point[late] - truths).mean()
    path = served.path()
    assert path.issue_time == START + 399 * HOUR and path.point.shape == (4,)
    assert served.overload is not None and ((served.overload.chance > 0) & (served.overload.chance < 1)).all()
    assert 0 < served.chance_within(1) < served.chance_within(4) == served.overload.chance[-1]


def test_served_forecasts_are_the_same_when_the_series_is_cut_or_shuffled_after_the_issue_time() -> None:
    history, issue = load(), 251
    whole = roll(history, usual_issues(len(history), 2), few, stride=2, limit=52.0)
    if issue not in whole.issues:
        issue += 1
    shuffled = history.values.copy()
    np.random.default_rng(5).shuffle(shuffled[issue + 1 :])
    row = int(np.flatnonzero(whole.issues == issue)[0])
    for other in (history.until(issue), Series(START, HOUR, shuffled), history):
        alone = roll(other, [issue], few, stride=2, limit=52.0)
        np.testing.assert_allclose(alone.quantiles[0], whole.quantiles[row], rtol=1e-9)
        assert alone.chance[0] == pytest.approx(whole.chance[row])
        assert alone.models[0] == whole.models[row]


def test_issue_times_of_any_phase_come_back_in_order() -> None:
    rolled = roll(load(200), [150, 20, 101, 150], few, stride=2, limit=52.0)
    assert rolled.issues.tolist() == [20, 101, 150]
    assert rolled.quantiles.shape == (3, 4, 5) and np.isfinite(rolled.quantiles).all()
    assert set(rolled.seconds) == {forecaster.name for forecaster in few()}


def test_a_trial_begins_with_two_days_of_data_and_that_of_a_short_series_at_its_twelfth_value() -> None:
    five_minutes = Series(START, timedelta(minutes=5), np.ones(10))
    assert (trial_start(load(), 399, 2), trial_start(five_minutes, 4031, 12)) == (72, 576)
    assert {trial_start(load(), newest, 2) for newest in (11, 72, 143)} == {FIRST_OF_SHORT}
    assert trial_start(load(), 5, 2) == 5
    tried = trial(load(), few(), stride=2)
    assert tried.origins[0] in (72, 73) and tried.origins[-1] == 399


def test_origins_are_an_hour_apart_but_at_least_two_steps_and_not_beyond_the_horizon() -> None:
    assert [usual_stride(timedelta(minutes=5), horizon) for horizon in (6, 12, 72)] == [6, 12, 12]
    assert usual_stride(HOUR, 6) == 2 and usual_stride(timedelta(days=1), 1) == 1


def test_a_long_series_is_forecast_at_each_issue_time_as_if_it_ended_there() -> None:
    history = load(3300)
    light = [SeasonalNaive(horizon=2), Naive(horizon=2)]
    whole = roll(history, np.arange(1100, 3299, 2), lambda: light, stride=2, limit=52.0)
    for issue in (1998, 2000, 3000, 3002):
        row = int(np.flatnonzero(whole.issues == issue)[0])
        alone = roll(history.until(issue), [issue], lambda: light, stride=2, limit=52.0)
        np.testing.assert_array_equal(alone.quantiles[0], whole.quantiles[row])
        assert alone.chance[0] == whole.chance[row]


def test_a_history_of_one_value_is_forecast_too() -> None:
    served = serve(trial(load(1), few(), stride=2), limit=99.0)
    assert served.models == [NAME] and (served.point == load(1).values[0]).all()
    assert {left_out.name for left_out in served.tried.left_out} == {
        "seasonal_naive",
        "same_phase",
        "same_week",
        "stacked_medians",
    }


def test_only_those_named_are_served_and_the_best_of_the_past_without_the_ensemble() -> None:
    tried = trial(load(), few(), stride=2)
    assert set(serve(tried, names=["naive"]).models) == {"naive"}
    assert set(serve(tried, names=["naive", NAME]).models) <= {"naive", NAME}
    singles = serve(tried, names=["naive", "same_phase"])
    assert NAME not in singles.paths and singles.models[-1] == "same_phase"
    np.testing.assert_array_equal(singles.point[-1], tried.paths["same_phase"].point[-1])


def test_the_costly_ones_run_alone() -> None:
    class Costly(Naive):
        name: ClassVar[str] = "arima"

    with_it = serve(trial(load(), [*few(), Costly(horizon=4)], stride=2))
    np.testing.assert_array_equal(with_it.paths[NAME], serve(trial(load(), few(), stride=2)).paths[NAME])
    assert "arima" in with_it.paths
    assert set(serve(trial(load(), [Costly(horizon=4)], stride=2)).models) == {"arima"}


def test_origins_before_the_first_forecast_are_left_out() -> None:
    served = serve(trial(load(60), [SeasonalNaive(horizon=4)], stride=2))
    assert np.isfinite(served.quantiles).all() and 24 <= served.tried.origins[0] < 40


def test_gaps_at_the_issue_time_and_before_are_no_trouble() -> None:
    values = load().values.copy()
    values[100:130] = np.nan
    values[395:] = np.nan
    served = serve(trial(Series(START, HOUR, values), few(), stride=2), limit=52.0)
    assert np.isfinite(served.quantiles).all()


def test_where_none_has_a_forecast_at_the_newest_value_the_reason_is_told() -> None:
    with pytest.raises(CannotForecast, match="none of the models can use this series: seasonal_naive needs"):
        serve(trial(load(10), [SeasonalNaive(horizon=4)], stride=2))


@pytest.mark.parametrize(("index", "stride"), [(400, 2), (-1, 2), (10, 0)])
def test_a_plan_outside_the_history_is_refused(index: int, stride: int) -> None:
    with pytest.raises(ValueError, match="expected"):
        trial(load(), few(), stride=stride, issue_index=index)
