from __future__ import annotations

import pytest

from ml_core.errors import InvalidInput
from ml_monitor.monitoring.results import Metric
from ml_monitor.monitoring.thresholds.fixed import fixed_threshold

RECALL = Metric("recall", "Recall", "higher_is_better", 0.0, 1.0)
MAE = Metric("mae", "Mean absolute error", "lower_is_better", 0.0)
BIAS = Metric("bias", "Bias", "nearer_zero_is_better")


def test_a_bound_on_the_bad_side_is_enough() -> None:
    recall, mae = fixed_threshold(RECALL, lower=0.9), fixed_threshold(MAE, upper=5.0)
    assert (recall.lower, recall.upper, recall.origin) == (0.9, None, "fixed")
    assert recall.judge(0.89, RECALL.direction).state == "beyond"
    assert mae.judge(5.1, MAE.direction).state == "beyond"
    assert fixed_threshold(BIAS, lower=-1.0, upper=2.0).judge(-1.5, BIAS.direction).state == "beyond"


@pytest.mark.parametrize(
    ("metric", "lower", "upper", "field"),
    [
        (RECALL, None, 0.9, "lower"),
        (MAE, 0.1, None, "upper"),
        (BIAS, None, None, "lower"),
        (RECALL, 0.0, None, "lower"),
        (RECALL, 0.9, 0.8, "lower"),
        (Metric("ks", "KS", "lower_is_better", 0.0, 1.0), None, 1.0, "upper"),
    ],
)
def test_a_threshold_that_could_never_be_crossed_is_refused(
    metric: Metric, lower: float | None, upper: float | None, field: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        fixed_threshold(metric, lower=lower, upper=upper)
    assert caught.value.details[0].field == field
