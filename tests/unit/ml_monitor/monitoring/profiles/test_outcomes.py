from __future__ import annotations

import json

import numpy as np
import pytest

from ml_monitor.monitoring.profiles.outcomes import (
    MOST_CLASSES,
    Outcomes,
    calibration_together,
    confusion_together,
    outcomes_of,
    read_outcomes,
    to_plain,
)

NONE = [None] * 4


def test_a_binary_classifier_has_a_matrix_and_a_calibration() -> None:
    found = outcomes_of("binary", [1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.95, 0.32, 0.35, 0.05], "1")
    assert found.confusion is not None and found.calibration is not None
    assert found.confusion.counts == {("1", "1"): 1, ("1", "0"): 1, ("0", "0"): 2}
    assert found.confusion.labels == ("0", "1")
    assert found.calibration.bins == {0: (1, 0.05, 0.0), 3: (2, pytest.approx(0.67), 1.0), 9: (1, 0.95, 1.0)}
    assert found.residuals is None


def test_a_regression_has_residuals_of_rows_with_both_numbers() -> None:
    found = outcomes_of("regression", [10.0, 12.0, None], [11.0, 11.0, 5.0], [np.nan] * 3, None)
    assert found.residuals is not None
    assert found.residuals.counts == ((-1.0, 1), (1.0, 1))
    assert found.confusion is None


def test_without_scores_there_is_no_calibration_and_with_many_classes_no_matrix() -> None:
    assert outcomes_of("binary", [1, 0], [1, 0], [np.nan, np.nan], "1").calibration is None
    names = [f"class {number}" for number in range(MOST_CLASSES + 1)]
    assert outcomes_of("multiclass", names, names, [np.nan] * len(names), None) == Outcomes()
    assert outcomes_of("anomaly", NONE, [1.0] * 4, [np.nan] * 4, None) == Outcomes()
    assert outcomes_of("regression", [None], [1.0], [np.nan], None) == Outcomes()


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_outcomes_come_back_as_they_were_stored(task: str) -> None:
    found = outcomes_of(task, [1.0, 0.0, 1.0], [1.0, 1.0, 0.0], [0.9, 0.8, 0.1], "1")
    assert read_outcomes(json.loads(json.dumps(to_plain(found), allow_nan=False))) == found


def test_chunks_add_up_to_the_whole() -> None:
    draw = np.random.default_rng(4)
    scores = draw.random(400)
    truths, values = (draw.random(400) < scores).astype(float), (scores > 0.5).astype(float)
    whole = outcomes_of("binary", truths, values, scores, "1")
    parts = [outcomes_of("binary", truths[at], values[at], scores[at], "1") for at in (slice(0, 90), slice(90, 400))]
    assert confusion_together([part.confusion for part in parts if part.confusion]) == whole.confusion
    together = calibration_together([part.calibration for part in parts if part.calibration])
    assert together is not None and whole.calibration is not None
    for place, sums in whole.calibration.bins.items():
        assert together.bins[place] == pytest.approx(sums)
    assert confusion_together([]) is None
    assert calibration_together([]) is None
