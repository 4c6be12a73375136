"""Scores of a version when it was trained, against sums that can be done by hand."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from forecasting_jobs.response_time.training_scores import TEST, TRAIN, VALIDATION, training_scores
from ml_core.forecasters.backtest import backtest
from ml_core.forecasters.naive import Naive
from ml_core.timeseries.series import Floats, Series
from tests.factories import NOON


def scores(values: Floats) -> dict[str, dict[str, object]]:
    history = Series(NOON, timedelta(hours=1), values)
    last_value = Naive(horizon=6)
    race = backtest(history, [last_value], origins=np.arange(60, len(history)), refits=[60])
    return {name: dict(found) for name, found in training_scores(history, race, last_value).items()}


def test_errors_and_explained_variance_are_those_of_each_hour_ahead() -> None:
    found = scores(np.arange(100.0))
    for step in range(1, 7):
        for score in (found[TRAIN], found[TEST], found[VALIDATION]):
            assert score[f"{step}H"]["rmse"] == pytest.approx(step)  # type: ignore[index]
    assert found[VALIDATION]["2H"] == {"r2": pytest.approx(1 - 4 * 6 / 17.5), "rmse": pytest.approx(2), "rows": 6}


def test_the_last_six_hours_are_the_validation_and_no_part_of_the_test() -> None:
    values = np.zeros(100)
    values[94:] = 50.0
    found = scores(values)
    assert found[TEST]["1H"] == {"r2": None, "rmse": 0.0, "rows": 33}
    assert found[VALIDATION]["1H"] == {"r2": None, "rmse": pytest.approx(50 / np.sqrt(6)), "rows": 6}
    assert found[TRAIN]["1H"]["rows"] == 75  # type: ignore[index]


def test_gaps_are_not_counted_and_a_set_without_a_value_is_left_out() -> None:
    values = np.arange(100.0)
    values[90:] = np.nan
    found = scores(values)
    assert VALIDATION not in found
    assert found[TEST]["1H"]["rows"] == 29  # type: ignore[index]
