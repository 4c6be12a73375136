from __future__ import annotations

import statistics

import pytest

from ml_core.errors import InvalidInput
from ml_monitor.monitoring.results import Metric, Number, Undefined
from ml_monitor.monitoring.thresholds.base import Threshold
from ml_monitor.monitoring.thresholds.learnt import learn_threshold

AUC = Metric("roc_auc", "ROC AUC", "higher_is_better", 0.0, 1.0)
VALUES: list[Number] = [0.95, 0.97, 0.96, 0.98, 0.94]


def learn(values: list[Number], metric: Metric = AUC, deviations: float = 3.0) -> Threshold:
    found = learn_threshold(values, metric, deviations=deviations)
    assert isinstance(found, Threshold)
    return found


def test_the_bounds_lie_so_many_standard_deviations_of_the_chunks_from_their_mean() -> None:
    found = learn(VALUES, deviations=2.0)
    numbers = [value for value in VALUES if isinstance(value, float)]
    mean, deviation = statistics.fmean(numbers), statistics.pstdev(numbers)
    assert (found.lower, found.upper) == pytest.approx((mean - 2 * deviation, mean + 2 * deviation), abs=1e-12)
    assert found.details == pytest.approx(
        {"deviations": 2.0, "chunks": 5, "mean": mean, "standard_deviation": deviation}
    )


def test_bounds_are_clipped_to_the_metrics_limits() -> None:
    assert learn(VALUES).upper == 1.0
    assert learn([0.01, 0.2, 0.1], Metric("ks", "KS", "lower_is_better", 0.0, 1.0)).lower == 0.0
    assert learn([0.01, 0.2, 0.1], Metric("bias", "Bias", "nearer_zero_is_better")).lower == pytest.approx(
        -0.1294, abs=1e-4
    )


def test_chunks_without_a_value_do_not_count() -> None:
    assert learn([*VALUES, Undefined("one class")]).details["chunks"] == 5
    assert learn_threshold([0.9, Undefined("one class")], AUC) == Undefined(
        "1 of 2 reference chunks have a value, at least 2 are needed"
    )


def test_a_constant_metric_leaves_no_room() -> None:
    found = learn([0.5, 0.5, 0.5])
    assert (found.lower, found.upper) == (0.5, 0.5)
    assert found.judge(0.5, "higher_is_better").state == "ok"


def test_deviations_must_be_above_zero() -> None:
    with pytest.raises(InvalidInput, match="deviations"):
        learn_threshold(VALUES, AUC, deviations=0.0)
