"""Metrics of forecasts: errors, intervals, skill, and all of them by horizon."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from ml_core.errors import InvalidInput
from ml_monitor.monitoring.performance.catalogue import METRICS, measure
from ml_monitor.monitoring.performance.forecasts import measure_by_horizon
from ml_monitor.monitoring.results import Measured, Undefined
from tests.closeness import close

OF_80 = ["coverage_80", "width_80", "interval_score_80"]


def a_frame(rows: int = 200, seed: int = 0) -> pd.DataFrame:
    """Return forecasts of two horizons with bounds and a naive forecast."""
    generator = np.random.default_rng(seed)
    truths = generator.normal(100, 10, rows)
    values = truths + generator.normal(1, 5, rows)
    return pd.DataFrame(
        {
            "horizon": generator.choice([1, 24], rows),
            "truth": truths,
            "value": values,
            "lower_80": values - 6,
            "upper_80": values + 6,
            "lower_95": values - 10,
            "upper_95": values + 10,
            "naive": truths + generator.normal(0, 9, rows),
        }
    )


def measured(frame: pd.DataFrame) -> dict[str, Measured]:
    return measure("forecast", frame["truth"], frame["value"], frame.drop(columns=["horizon", "truth", "value"]))


def pinball_80(truths: Any, lower: Any, upper: Any) -> float:
    """Return the interval score by way of scikit-learn's quantile losses: 2 / alpha times their sum."""
    losses = sklearn_metrics.mean_pinball_loss(truths, lower, alpha=0.1)
    losses += sklearn_metrics.mean_pinball_loss(truths, upper, alpha=0.9)
    return float(losses) * 2 / 0.2


def test_every_metric_follows_its_definition() -> None:
    frame = a_frame()
    found = measured(frame)
    truths, values = frame["truth"], frame["value"]
    mae = sklearn_metrics.mean_absolute_error(truths, values)
    assert found["mae"].value == close(mae)
    assert found["rmse"].value == close(sklearn_metrics.root_mean_squared_error(truths, values))
    assert found["bias"].value == close(float((values - truths).mean()))
    assert found["skill"].value == close(1 - mae / sklearn_metrics.mean_absolute_error(truths, frame["naive"]))
    assert found["coverage_80"].value == close(float(((values - truths).abs() <= 6).mean()))
    assert found["width_80"].value == close(12.0)
    assert found["width_95"].value == close(20.0)
    assert found["interval_score_80"].value == close(pinball_80(truths, frame["lower_80"], frame["upper_80"]))
    assert list(found) == [metric.name for metric in METRICS["forecast"]]


@given(st.lists(st.tuples(*[st.floats(-1e3, 1e3)] * 3), min_size=1))
def test_the_interval_score_is_the_quantile_losses_of_its_bounds(rows: list[tuple[float, float, float]]) -> None:
    frame = pd.DataFrame(
        [(truth, min(one, other), max(one, other)) for truth, one, other in rows],
        columns=["truth", "lower_80", "upper_80"],
    )
    found = measure("forecast", frame["truth"], frame["truth"], frame[["lower_80", "upper_80"]], OF_80)
    expected = pinball_80(frame["truth"], frame["lower_80"], frame["upper_80"])
    assert found["interval_score_80"].value == close(expected)
    inside = frame["truth"].between(frame["lower_80"], frame["upper_80"])
    assert found["coverage_80"].value == close(float(inside.mean()))


def test_a_bound_that_is_met_exactly_counts_as_inside() -> None:
    bounds = pd.DataFrame({"lower_80": [1.0, 0.0], "upper_80": [2.0, 1.0]})
    assert measure("forecast", [1.0, 1.0], [1.5, 0.5], bounds)["coverage_80"].value == 1.0


def test_a_forecast_as_good_as_the_naive_one_has_no_skill_and_a_perfect_one_has_all() -> None:
    naive = pd.DataFrame({"naive": [2.0, 5.0]})
    assert measure("forecast", [1.0, 3.0], [2.0, 5.0], naive)["skill"].value == 0.0
    assert measure("forecast", [1.0, 3.0], [1.0, 3.0], naive)["skill"].value == 1.0


def test_rows_that_lack_a_bound_or_the_naive_forecast_are_left_out_where_they_matter() -> None:
    others = pd.DataFrame(
        {"lower_80": [0.0, math.nan, 5.0, 0.0], "upper_80": [2.0, 2.0, 4.0, 2.0], "naive": [2.0, None, 3.0, 3.0]}
    )
    found = measure("forecast", [1.0, 1.0, 1.0, None], [1.5, 1.0, 1.0, 1.0], others)
    assert (found["mae"].rows, found["mae"].left_out) == (3, 0)
    assert (found["coverage_80"].rows, found["coverage_80"].left_out) == (1, 2)
    assert (found["skill"].rows, found["skill"].left_out) == (2, 1)
    assert found["skill"].value == close(1 - 0.25 / 1.5)


@pytest.mark.parametrize("others", [None, pd.DataFrame({"lower_80": [None, None], "naive": [math.nan, math.nan]})])
def test_a_forecast_without_intervals_and_naive_values_says_so(others: pd.DataFrame | None) -> None:
    found = measure("forecast", [1.0, 2.0], [1.0, 3.0], others)
    assert found["mae"].value == 0.5
    assert found["skill"] == Measured(Undefined("no naive forecast"), None, 0, 2)
    assert found["coverage_80"] == Measured(Undefined("no 80 % interval"), None, 0, 2)
    assert found["width_95"].value == Undefined("no 95 % interval")


def test_a_naive_forecast_without_error_leaves_no_skill_to_measure() -> None:
    found = measure("forecast", [1.0, 2.0], [1.0, 3.0], pd.DataFrame({"naive": [1.0, 2.0]}))
    assert found["skill"].value == Undefined("the naive forecast makes no error")


def test_bounds_that_are_all_the_wrong_way_round_are_no_interval() -> None:
    found = measure("forecast", [1.0], [1.0], pd.DataFrame({"lower_80": [2.0], "upper_80": [0.0]}))
    assert found["coverage_80"] == Measured(Undefined("no row has all that the metric needs"), None, 0, 1)


def test_forecasts_whose_truth_is_not_known_yet_say_so() -> None:
    found = measure("forecast", [None, None], [1.0, 2.0], pd.DataFrame({"naive": [1.0, 2.0]}))
    assert {metric.value for metric in found.values()} == {Undefined("no ground truth")}


# By horizon


def test_each_horizon_is_measured_as_if_it_stood_alone() -> None:
    frame = a_frame()
    found = measure_by_horizon(frame)
    assert list(found) == [1, 24]
    for horizon, metrics in found.items():
        assert metrics == measured(frame[frame["horizon"] == horizon])


def test_only_the_metrics_named_are_measured() -> None:
    found = measure_by_horizon(a_frame(), ["skill", "mae"])
    assert [list(metrics) for metrics in found.values()] == [["mae", "skill"]] * 2


def test_no_forecasts_have_no_horizons() -> None:
    assert measure_by_horizon(a_frame().iloc[:0]) == {}


@pytest.mark.parametrize("name", ["horizon", "truth", "value"])
def test_a_missing_column_is_refused_by_name(name: str) -> None:
    with pytest.raises(InvalidInput, match=f"{name}: expected a column of this name"):
        measure_by_horizon(a_frame().drop(columns=name))


def test_a_horizon_that_is_no_whole_number_is_refused() -> None:
    with pytest.raises(InvalidInput, match="horizon: expected whole numbers, not float64"):
        measure_by_horizon(a_frame().astype({"horizon": float}))
