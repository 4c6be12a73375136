"""What a prediction loses follows from the task, whatever way labels are written."""

from __future__ import annotations

from typing import Any

import pytest

from ml_core.records import Task
from ml_core.retraining.row_losses import row_loss


@pytest.mark.parametrize(
    ("task", "truth", "value", "score", "scores", "loss"),
    [
        ("regression", 3.0, 5.5, None, None, 2.5),
        ("forecast", 3.0, 3.0, None, None, 0.0),
        ("binary", 1.0, 1.0, 0.75, None, 0.0625),
        ("binary", 0.0, 1.0, 0.75, None, 0.5625),
        ("binary", "1", 1.0, 0.75, None, 0.0625),
        ("binary", "true", "true", 0.75, None, 0.0625),
        ("binary", 1.0, 0.0, None, None, 1.0),
        ("multiclass", "cat", "dog", None, {"cat": 0.25, "dog": 0.75}, 0.5625),
        ("multiclass", "cow", "dog", None, {"cat": 0.0, "dog": 1.0}, 1.0),
        ("multiclass", 2.0, "2", None, None, 0.0),
        ("multiclass", "cat", "dog", None, None, 1.0),
        ("anomaly", -1.0, -1.0, -0.6, None, 0.0),
        ("anomaly", 1.0, -1.0, -0.6, None, 1.0),
    ],
)
def test_a_loss_is_that_of_its_task(
    task: Task, truth: Any, value: Any, score: float | None, scores: Any, loss: float
) -> None:
    assert row_loss(task, truth, value, score, scores) == pytest.approx(loss)
