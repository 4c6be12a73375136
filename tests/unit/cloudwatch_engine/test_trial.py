"""The race of the models on the past of one series."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from cloudwatch_engine.models import find_name, label_of, make, quick_names
from cloudwatch_engine.seed_config import SeedConfig
from cloudwatch_engine.trial import Trial, hold_trial, make_series
from ml_core.errors import InvalidInput
from ml_core.forecasters.base import MOST_HISTORY, CannotForecast
from ml_core.timeseries.series import Floats, Series

START = datetime(2026, 11, 1, tzinfo=UTC)
STEP = timedelta(minutes=5)
HORIZON = 6


def a_daily(length: int = 1500) -> Floats:
    noise = np.random.default_rng(5).normal(size=length)
    return 50 + 30 * np.sin(np.arange(length) * 2 * np.pi / 288) + noise


def held(values: Floats, *names: str) -> Trial:
    forecasters = [make(name, SeedConfig(), horizon=HORIZON, budget_seconds=10) for name in names]
    return hold_trial(Series(START, STEP, values), forecasters, names=names)


def test_the_one_with_the_smallest_error_is_served() -> None:
    walk = 50 + np.cumsum(np.random.default_rng(5).normal(size=1500))
    assert held(walk, "seasonal_naive", "naive").preferred == "naive"
    assert held(a_daily(), "naive", "seasonal_naive").preferred == "seasonal_naive"


def test_mape_is_told_and_does_not_choose() -> None:
    # Small where the day is, large where it is not: a share of nearly nothing must not decide.
    values = a_daily()
    values[1400:1402] = 1e-6
    trial = held(values, "naive", "seasonal_naive")
    best, other = trial.models
    assert best.scores is not None
    assert other.scores is not None
    assert best.scores["mean_absolute_error"] < other.scores["mean_absolute_error"]
    assert best.scores["mean_absolute_percentage_error"] > 1000


def test_of_equals_the_first_of_the_catalogue_is_served() -> None:
    trial = held(np.full(900, 7.0), "naive", "seasonal_naive")
    assert trial.preferred == "naive"
    assert all(model.scores is not None and model.scores["mean_absolute_error"] == 0 for model in trial.models)


def test_what_is_tried_lies_behind_what_was_fitted_on_and_knows_nothing_of_it() -> None:
    values = a_daily()
    changed = values.copy()
    changed[1300:] += 500.0
    one, other = (held(series, "naive", "ridge").served.tried for series in (values, changed))
    before = one.origins < 1300
    for name in ("naive", "ridge"):
        assert (one.paths[name].point[before] == other.paths[name].point[before]).all()
    assert before.sum() > 100


def test_recent_values_are_from_each_origin_to_the_next_and_at_most_a_days() -> None:
    values = a_daily(3000)
    trial = held(values, "naive")
    assert len(trial.recent_times) == len(trial.recent_truths) == len(trial.recent_predictions) <= 288
    assert list(trial.recent_times) == sorted(set(trial.recent_times))
    index = [(time - START) // STEP for time in trial.recent_times]
    assert trial.recent_truths.tolist() == values[index].tolist()


def test_gaps_are_not_counted_as_truth() -> None:
    values = a_daily()
    values[1200:1230] = np.nan
    trial = held(values, "naive", "seasonal_naive")
    assert all(model.scores is not None and np.isfinite(list(model.scores.values())).all() for model in trial.models)
    assert np.isfinite(trial.recent_truths).all()


def test_one_that_needs_more_is_listed_with_its_reason() -> None:
    trial = held(a_daily(100), "naive", "seasonal_naive")
    assert trial.preferred == "naive"
    assert trial.models[-1].scores is None
    assert "needs at least 288 values" in (trial.models[-1].reason or "")
    with pytest.raises(CannotForecast, match="none of the models can use this series"):
        held(a_daily(100), "seasonal_naive")


def test_a_series_that_is_too_short_is_refused_with_what_is_needed() -> None:
    with pytest.raises(InvalidInput, match="expected at least 24 points to forecast 6 steps and to try it, not 23"):
        held(a_daily(23), "naive")
    assert held(a_daily(24), "naive").models[0].scores is not None


def test_only_the_newest_points_of_a_long_series_are_used_and_that_is_said() -> None:
    points = {START + number * STEP: float(number) for number in range(MOST_HISTORY + 10)}
    history, notes = make_series(points)
    assert len(history) == MOST_HISTORY
    assert history.end_time == max(points)
    assert notes == (f"of {MOST_HISTORY + 10:,} points the newest {MOST_HISTORY:,} are used",)


def test_models_are_found_by_their_names_in_whatever_case() -> None:
    assert find_name(" Seasonal-Naive ") == "seasonal_naive"
    with pytest.raises(ValueError, match="expected one of naive, "):
        find_name("gru")


def test_the_quick_ones_leave_out_those_of_the_first_system() -> None:
    assert {"naive", "seasonal_naive", "ridge"} <= set(quick_names())
    assert not {"lstm", "tcn", "arima"} & set(quick_names())
    assert label_of("naive") == "last value"
