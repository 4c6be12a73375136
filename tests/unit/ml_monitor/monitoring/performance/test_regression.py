"""Metrics of numbers, held to scikit-learn; and what they say where there is no value."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from ml_core.errors import InvalidInput
from ml_monitor.monitoring.performance.catalogue import METRICS, measure
from ml_monitor.monitoring.results import Measured, Undefined
from tests.closeness import close

# Magnitudes at which the order of a sum does not matter within the tolerance.
NUMBERS = st.floats(-1e6, 1e6).map(lambda number: round(number, 3))
ROWS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=2, max_size=50)


def value_of(found: Measured) -> float:
    assert isinstance(found.value, float), found
    return found.value


def smape(truths: Any, values: Any) -> float:
    pairs = zip(truths, values, strict=True)
    return float(np.mean([0.0 if t == v == 0 else 2 * abs(v - t) / (abs(t) + abs(v)) for t, v in pairs]))


@given(ROWS)
def test_errors_are_scikit_learns(rows: list[tuple[float, float]]) -> None:
    truths, values = zip(*rows, strict=True)
    found = measure("regression", truths, values, names=["mae", "mse", "rmse", "smape", "bias"])
    assert value_of(found["mae"]) == close(sklearn_metrics.mean_absolute_error(truths, values))
    assert value_of(found["mse"]) == close(sklearn_metrics.mean_squared_error(truths, values))
    assert value_of(found["rmse"]) == close(sklearn_metrics.root_mean_squared_error(truths, values))
    assert value_of(found["smape"]) == close(smape(truths, values))
    assert value_of(found["bias"]) == close(float(np.mean(np.subtract(values, truths))))
    assert {(metric.rows, metric.left_out) for metric in found.values()} == {(len(rows), 0)}


@given(ROWS)
def test_mape_is_scikit_learns_of_the_rows_whose_truth_is_not_zero(rows: list[tuple[float, float]]) -> None:
    truths, values = zip(*rows, strict=True)
    found = measure("regression", truths, values, names=["mape"])["mape"]
    kept = [row for row in rows if row[0]]
    assert (found.rows, found.left_out) == (len(kept), len(rows) - len(kept))
    if kept:
        assert value_of(found) == close(sklearn_metrics.mean_absolute_percentage_error(*zip(*kept, strict=True)))
    else:
        assert found.value == Undefined("every truth is 0")


@given(ROWS)
def test_r2_is_scikit_learns_unless_the_target_is_constant(rows: list[tuple[float, float]]) -> None:
    truths, values = zip(*rows, strict=True)
    found = measure("regression", truths, values, names=["r2"])["r2"]
    if len(set(truths)) == 1:
        assert found.value == Undefined("the truths are constant")
    else:
        assert value_of(found) == close(sklearn_metrics.r2_score(truths, values))


@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(rows: list[tuple[float, float]], random: Any) -> None:
    shuffled = random.sample(rows, len(rows))
    one = measure("regression", *zip(*rows, strict=True))
    other = measure("regression", *zip(*shuffled, strict=True))
    for name, found in one.items():
        assert other[name].rows == found.rows
        assert other[name].value == close(found.value)
        assert other[name].standard_error == close(found.standard_error, 1e-6)


@pytest.mark.parametrize("constant", [5.0, 0.1, 1 / 3, 1e100, 0.0])
def test_r2_of_a_constant_target_is_undefined_whatever_is_predicted(constant: float) -> None:
    for values in ([constant] * 3, [1.0, 2.0, 3.0]):
        assert measure("regression", [constant] * 3, values)["r2"].value == Undefined("the truths are constant")


def test_a_single_row_has_errors_without_a_standard_error_and_no_r2() -> None:
    found = measure("regression", [2.0], [5.0])
    assert found["bias"] == Measured(3.0, None, 1)
    assert found["rmse"] == Measured(3.0, None, 1)
    assert found["r2"].value == Undefined("fewer than two rows")


def test_a_perfect_chunk_has_no_error_and_does_not_divide_by_it() -> None:
    found = measure("regression", [1.0, 2.0], [1.0, 2.0])
    assert found["rmse"] == Measured(0.0, 0.0, 2)
    assert found["r2"] == Measured(1.0, 0.0, 2)


def test_rows_without_truth_do_not_count_and_rows_without_a_usable_number_are_counted_as_left_out() -> None:
    truths = [1.0, None, 3.0, math.inf, 5.0, math.nan, "many"]
    values = [2.0, 2.0, math.nan, 4.0, 7.0, 6.0, 1.0]
    found = measure("regression", truths, values)
    assert found["bias"].value == 1.5
    assert {(metric.rows, metric.left_out) for metric in found.values()} == {(2, 3)}


@pytest.mark.parametrize(
    ("truths", "values", "reason"),
    [
        ([], [], "no rows"),
        ([None, math.nan], [1.0, 2.0], "no ground truth"),
        ([1.0, 2.0], [math.nan, math.inf], "no row has all that the metric needs"),
    ],
)
def test_a_chunk_with_nothing_to_judge_says_why(truths: list[Any], values: list[Any], reason: str) -> None:
    found = measure("regression", truths, values, names=["mae", "mse", "rmse", "smape", "bias"])
    assert {metric.value for metric in found.values()} == {Undefined(reason)}
    assert {metric.standard_error for metric in found.values()} == {None}


def test_numbers_too_large_to_square_are_undefined_and_not_infinite() -> None:
    found = measure("regression", [-1e300, 1e300], [1e300, -1e300])
    assert value_of(found["mae"]) == 2e300
    assert found["mae"].standard_error is None or math.isfinite(found["mae"].standard_error)
    for name in ("mse", "rmse"):
        assert found[name].value == Undefined("the numbers are too large to compute with")


@given(st.lists(st.tuples(st.floats(), st.one_of(st.floats(), st.none(), st.text())), max_size=20))
def test_whatever_comes_no_result_is_nan_or_infinite(rows: list[tuple[Any, Any]]) -> None:
    found = measure("regression", [row[0] for row in rows], [row[1] for row in rows])
    assert list(found) == [metric.name for metric in METRICS["regression"]]
    for metric in METRICS["regression"]:
        value, error = found[metric.name].value, found[metric.name].standard_error
        assert error is None or (math.isfinite(error) and error >= 0)
        if isinstance(value, float):
            assert math.isfinite(value)
            assert metric.lowest is None or value >= metric.lowest
            assert metric.highest is None or value <= metric.highest


def test_unequal_lengths_are_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match="values: expected as many values as there are truths"):
        measure("regression", [1.0, 2.0], [1.0])
