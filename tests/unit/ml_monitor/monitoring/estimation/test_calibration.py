from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from ml_core.errors import InvalidInput
from ml_monitor.monitoring.estimation.calibration import Calibrator, expected_calibration_error, fit_calibrator

Floats = NDArray[np.float64]


def scored(rows: int, power: float = 1.0, seed: int = 0) -> tuple[Floats, Floats]:
    """Return truths and scores whose ``power`` is the probability of a positive: 1 for calibrated ones."""
    generator = np.random.default_rng(seed)
    scores = generator.random(rows)
    return (generator.random(rows) < scores**power).astype(np.float64), scores


def test_calibrated_scores_are_taken_as_they_are() -> None:
    scores = np.repeat(np.arange(1, 10) / 10, 1000)
    truths = np.concatenate([np.arange(1000) < 100 * tenth for tenth in range(1, 10)]).astype(np.float64)
    calibrator = fit_calibrator(truths, scores)
    assert not calibrator.is_used
    assert calibrator.calibrate(np.array([0.1, 0.7])).tolist() == [0.1, 0.7]
    assert "hardly lowers the ECE" in calibrator.reason


def test_scores_that_promise_too_much_are_calibrated() -> None:
    calibrator = fit_calibrator(*scored(20_000, power=2.0))
    assert calibrator.is_used
    assert calibrator.calibrate(np.array([0.3, 0.5, 0.9])) == pytest.approx([0.09, 0.25, 0.81], abs=0.05)
    assert "it lowers the ECE from" in calibrator.reason


def test_the_curve_is_scikit_learns_isotonic_regression() -> None:
    truths, scores = scored(5_000, power=3.0)
    scores = np.round(scores, 2)
    known = IsotonicRegression(out_of_bounds="clip").fit(scores, truths)
    asked = np.linspace(-0.5, 1.5, 401)
    found = fit_calibrator(truths, scores)
    assert found.calibrate(asked) == pytest.approx(known.predict(asked), abs=1e-12)
    assert len(found.scores) < len(np.unique(scores))


def test_scores_that_are_no_probabilities_are_always_calibrated() -> None:
    truths, scores = scored(2_000)
    calibrator = fit_calibrator(truths, scores * 40 - 20)
    assert calibrator.calibrate(np.array([0.0, -1e9, 1e9])) == pytest.approx([0.5, 0.0, 1.0], abs=0.1)
    assert calibrator.reason == "calibrated: they are not probabilities"


@pytest.mark.parametrize(
    ("truths", "scores", "reason"),
    [
        (np.ones(100), np.linspace(0, 1, 100), "100 positive and 0 negative rows are too few"),
        (np.arange(100) < 19, np.linspace(0, 1, 100), "19 positive and 81 negative rows are too few"),
        (np.arange(100) >= 50, np.linspace(0.4, 0.6, 100), "they separate the classes"),
    ],
)
def test_a_reference_that_cannot_teach_a_curve_leaves_scores_as_they_are(
    truths: Floats, scores: Floats, reason: str
) -> None:
    calibrator = fit_calibrator(truths.astype(np.float64), scores)
    assert not calibrator.is_used
    assert reason in calibrator.reason


def test_the_calibration_error_is_the_mean_distance_over_bins_of_equal_count() -> None:
    truths = np.array([0, 0, 1, 0, 1, 1, 1, 1.0])
    scores = np.array([0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9])
    assert expected_calibration_error(truths, scores, bins=2) == pytest.approx((0.0 + 1.0) / 8)
    assert expected_calibration_error(truths, truths, bins=2) == 0.0
    with pytest.raises(ValueError, match="at least 10 rows"):
        expected_calibration_error(truths, scores)


def test_the_calibration_error_does_not_depend_on_the_order_of_equal_scores() -> None:
    truths, scores = scored(1_003, power=2.0)
    scores = np.round(scores, 1)
    generator = np.random.default_rng(4)
    errors = set()
    for _ in range(20):
        order = generator.permutation(len(truths))
        errors.add(round(expected_calibration_error(truths[order], scores[order]), 12))
    assert len(errors) == 1


def test_a_calibrator_survives_json() -> None:
    calibrator = fit_calibrator(*scored(3_000, power=2.0))
    assert Calibrator.from_dict(json.loads(json.dumps(calibrator.to_dict()))) == calibrator


@pytest.mark.parametrize("scores", [[0.1], [0.5, 0.1]])
def test_points_that_are_no_curve_are_refused(scores: list[float]) -> None:
    with pytest.raises(InvalidInput, match="as many rising scores as probabilities"):
        Calibrator.from_dict({"scores": scores, "probabilities": [0.1, 0.2], "reason": ""})
