"""Calibration: bins held to scikit-learn's curve, and the expected calibration error to its definition."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve as sklearn_curve

from ml_core.errors import InvalidInput
from ml_monitor.monitoring.performance.calibration import CalibrationBin, calibration_curve, ece_of
from ml_monitor.monitoring.results import Undefined
from tests.closeness import close

ROWS = st.lists(
    st.tuples(st.integers(0, 1), st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.7, 1.0]))),
    min_size=1,
    max_size=60,
)


def curve_of(truths: Any, scores: Any, **options: Any) -> tuple[CalibrationBin, ...]:
    found = calibration_curve(truths, scores, **options)
    assert not isinstance(found, Undefined)
    return found


@given(ROWS.filter(lambda rows: len({truth for truth, _ in rows}) == 2), st.integers(1, 20))
def test_the_curve_is_scikit_learns(rows: list[tuple[int, float]], bins: int) -> None:
    truths, scores = zip(*rows, strict=True)
    curve = curve_of(truths, scores, bins=bins)
    shares, means = sklearn_curve(truths, scores, n_bins=bins, strategy="uniform")
    assert [each.positive_share for each in curve] == close_all(shares)
    assert [each.mean_score for each in curve] == close_all(means)
    assert sum(each.rows for each in curve) == len(rows)
    for each in curve:
        assert each.lower - 1e-12 <= each.mean_score <= each.upper + 1e-12
        assert 0 < each.standard_error <= 0.5


def close_all(values: Any) -> Any:
    return pytest.approx(list(values), rel=1e-9, abs=1e-9)


@given(ROWS, st.integers(1, 20))
def test_the_error_is_the_mean_distance_of_the_curve_weighed_by_rows(rows: list[tuple[int, float]], bins: int) -> None:
    truths, scores = zip(*rows, strict=True)
    found = ece_of(np.array(truths) == 1, np.array(scores), bins=bins)
    curve = curve_of(truths, scores, bins=bins)
    assert found.value == close(
        sum(each.rows * abs(each.mean_score - each.positive_share) for each in curve) / len(rows)
    )
    assert found.rows == len(rows)
    assert found.standard_error is not None
    assert 0 <= found.standard_error <= 1


def test_a_score_on_an_edge_belongs_to_the_bin_below() -> None:
    assert [each.upper for each in curve_of([0, 1, 1], [0.0, 0.5, 1.0], bins=2)] == [0.5, 1.0]
    assert [each.rows for each in curve_of([0, 1, 1], [0.0, 0.5, 1.0], bins=2)] == [2, 1]


def test_bins_without_rows_are_left_out() -> None:
    assert [(each.lower, each.rows) for each in curve_of([0, 1], [0.05, 0.95])] == [(0.0, 1), (0.9, 1)]


def test_the_positive_class_may_be_named() -> None:
    named = calibration_curve(["fraud", "ok"], [0.95, 0.05], positive="fraud")
    assert named == calibration_curve([1, 0], [0.95, 0.05])


def test_a_constant_score_that_is_right_has_no_error() -> None:
    assert ece_of(np.array([False] * 5), np.zeros(5)).value == 0.0
    assert ece_of(np.array([True, False]), np.array([0.5, 0.5])).value == 0.0


@pytest.mark.parametrize("rows", [200, 2000])
def test_a_perfectly_calibrated_model_has_the_error_that_the_docstring_tells_of(rows: int) -> None:
    generator = np.random.default_rng(11)
    errors: list[Any] = []
    for _ in range(300):
        scores = generator.random(rows)
        errors.append(ece_of(generator.random(rows) < scores, scores).value)
    assert np.mean(errors) == pytest.approx(0.3 * math.sqrt(10 / rows), rel=0.1)


@pytest.mark.parametrize(
    ("truths", "scores", "reason"),
    [
        ([], [], "no rows"),
        ([None], [0.5], "no ground truth"),
        ([0, 1], [0.5, 1.5], "the scores are no probabilities: some lie outside 0 to 1"),
        ([0, 1], [None, None], "no scores"),
        ([0, 1], [math.inf, None], "no row has all that the metric needs"),
        (["a", "b"], [0.5, 0.5], "the positive class is not known among a, b"),
    ],
)
def test_what_has_no_curve_says_why(truths: Any, scores: Any, reason: str) -> None:
    assert calibration_curve(truths, scores) == Undefined(reason)


def test_no_bins_are_refused() -> None:
    with pytest.raises(InvalidInput, match="bins: expected at least 1, not 0"):
        calibration_curve([0, 1], [0.5, 0.5], bins=0)
