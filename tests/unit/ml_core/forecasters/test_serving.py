"""What is served: the preferred of the race at each issue time, whatever comes later or is cut off."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from ml_core.forecasters.base import Forecaster
from ml_core.forecasters.ensemble import NAME
from ml_core.forecasters.local_median import LocalMedian
from ml_core.forecasters.naive import Naive
from ml_core.forecasters.rolling import roll, usual_issues
from ml_core.forecasters.same_phase import SamePhase, SameWeek
from ml_core.forecasters.seasonal_naive import SeasonalNaive
from ml_core.forecasters.serving import preferred, serve
from ml_core.forecasters.stacked_medians import StackedMedians
from ml_core.forecasters.trial import first_origin, trial
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
    assert np.isnan(served.errors["naive"][-1]) and served.errors["naive"][0] > 0


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


def test_a_trial_begins_with_two_days_of_data_whatever_is_asked() -> None:
    assert first_origin(load()) == 72
    assert first_origin(Series(START, timedelta(minutes=5), np.ones(10))) == 576
    tried = trial(load(), few(), stride=2)
    assert tried.origins[0] in (72, 73) and tried.origins[-1] == 399


def test_a_history_of_one_value_is_forecast_too() -> None:
    served = serve(trial(load(1), few(), stride=2), limit=99.0)
    assert served.models == [NAME] and (served.point == load(1).values[0]).all()
    assert {left_out.name for left_out in served.tried.left_out} == {
        "seasonal_naive",
        "same_phase",
        "same_week",
        "stacked_medians",
    }


def test_gaps_at_the_issue_time_and_before_are_no_trouble() -> None:
    values = load().values.copy()
    values[100:130] = np.nan
    values[395:] = np.nan
    served = serve(trial(Series(START, HOUR, values), few(), stride=2), limit=52.0)
    assert np.isfinite(served.quantiles).all()


def test_without_one_that_can_always_be_fitted_there_is_nothing_to_serve() -> None:
    with pytest.raises(ValueError, match="such as naive"):
        serve(trial(load(10), [SeasonalNaive(horizon=4)], stride=2))


@pytest.mark.parametrize(("index", "stride"), [(400, 2), (-1, 2), (10, 0)])
def test_a_plan_outside_the_history_is_refused(index: int, stride: int) -> None:
    with pytest.raises(ValueError, match="expected"):
        trial(load(), few(), stride=stride, issue_index=index)
