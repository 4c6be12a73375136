from __future__ import annotations

import numpy as np
import pytest

from ml_core.errors import InvalidInput
from ml_monitor.monitoring.results import Number, Undefined
from ml_monitor.monitoring.thresholds.multiple import adjusted_p_values, called


def test_adjusted_p_values_are_those_of_scipy() -> None:
    from scipy.stats import false_discovery_control

    generator = np.random.default_rng(3)
    for count in (1, 2, 20, 200):
        values = np.round(generator.random(count) ** 3, 2)  # rounding makes ties
        assert adjusted_p_values(values.tolist()) == pytest.approx(false_discovery_control(values).tolist(), abs=1e-12)


def test_undefined_tests_stay_undefined_and_do_not_count() -> None:
    nothing = Undefined("constant column")
    values: list[Number] = [nothing, 0.04, nothing]
    assert adjusted_p_values(values) == [nothing, 0.04, nothing]
    assert called(values, 0.05) == [False, True, False]
    assert called([nothing], 0.05) == [False]
    assert called([], 0.05) == []


def test_of_twenty_columns_one_at_five_percent_is_no_call_but_a_clear_one_is() -> None:
    generator = np.random.default_rng(1)
    others = generator.uniform(0.06, 1, 19).tolist()
    assert called([0.04, *others], 0.05) == [False] * 20
    assert called([0.002, *others], 0.05) == [True] + [False] * 19


def test_without_drift_any_call_at_all_is_as_rare_as_the_rate() -> None:
    generator = np.random.default_rng(5)
    rounds = 4000
    calls = sum(any(called(generator.random(20).tolist(), 0.05)) for _ in range(rounds))
    assert calls / rounds == pytest.approx(0.05, abs=0.011)  # three standard errors


@pytest.mark.parametrize("values", [[-0.1], [1.1], [float("nan")]])
def test_what_is_no_probability_is_refused(values: list[Number]) -> None:
    with pytest.raises(InvalidInput, match="p_values"):
        called(values, 0.05)


def test_the_rate_must_lie_between_0_and_1() -> None:
    with pytest.raises(InvalidInput, match="rate"):
        called([0.5], 1.0)
