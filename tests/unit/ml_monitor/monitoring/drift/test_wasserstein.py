"""The Wasserstein distance beside scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ml_monitor.monitoring.columns import number_column
from ml_monitor.monitoring.drift.wasserstein import Wasserstein
from ml_monitor.monitoring.results import Number

NUMBERS = st.lists(st.integers(-3, 3).map(float) | st.floats(-1e6, 1e6), min_size=1, max_size=40)


def measure(reference: object, current: object, method: Wasserstein | None = None) -> Number:
    method = method or Wasserstein(is_normalised=False)
    return method.measure(method.fit(number_column(reference)), number_column(current)).value


@given(NUMBERS, NUMBERS)
def test_small_samples_agree_with_scipy(reference: list[float], current: list[float]) -> None:
    assert measure(reference, current) == pytest.approx(
        stats.wasserstein_distance(reference, current), rel=1e-9, abs=1e-9
    )


@pytest.mark.parametrize("seed", range(40))
def test_samples_of_all_sizes_agree_with_scipy(seed: int) -> None:
    random = np.random.default_rng(seed)
    rows, others = random.integers(1, 9_000, 2)
    decimals = int(random.integers(0, 5))
    reference = random.standard_normal(rows).round(decimals)
    current = (random.standard_cauchy(others) + random.choice([0.0, 0.1, 30.0])).round(decimals)
    assert measure(reference, current) == pytest.approx(stats.wasserstein_distance(reference, current), rel=1e-9)


@given(NUMBERS, NUMBERS, st.floats(-100, 100))
def test_a_shift_of_both_sides_changes_nothing_and_of_one_side_at_most_as_much(
    reference: list[float], current: list[float], shift: float
) -> None:
    moved = [value + shift for value in current]
    before, after = measure(reference, current), measure(reference, moved)
    assert isinstance(before, float) and isinstance(after, float)
    assert abs(after - before) <= abs(shift) + 1e-6
    assert measure([value + shift for value in reference], moved) == pytest.approx(before, abs=1e-6)


def test_moving_every_value_by_three_costs_three() -> None:
    assert measure([1.0, 2.0, 5.0], [4.0, 5.0, 8.0]) == 3.0


def test_normalised_the_unit_is_the_standard_deviation_of_the_reference() -> None:
    values = np.random.default_rng(0).standard_normal(500) * 40
    assert measure(values, values + 60, Wasserstein()) == pytest.approx(60 / np.std(values), rel=1e-9)


def test_a_constant_reference_has_no_unit() -> None:
    assert str(measure([5.0] * 20, [6.0], Wasserstein())) == "undefined: the reference is constant, there is no unit"
    assert measure([5.0] * 20, [6.0]) == 1.0


@pytest.mark.parametrize("scale", [1.0, 1e6])
def test_above_the_limit_the_distance_is_off_by_the_error_of_the_summary_at_most(scale: float) -> None:
    random = np.random.default_rng(5)
    reference = random.standard_cauchy(30_000) * scale
    method = Wasserstein(is_normalised=False)
    statistics = method.fit(number_column(reference))
    for shift in (0.0, 0.3, 5.0):
        current = reference[:4_000] + shift * scale
        measured = method.measure(statistics, number_column(current)).value
        assert statistics.summary_error is not None
        assert abs(measured - stats.wasserstein_distance(reference, current)) <= statistics.summary_error * (1 + 1e-9)


def test_a_value_far_out_on_both_sides_costs_no_precision() -> None:
    values = np.append(np.random.default_rng(6).standard_normal(999), 1e15)
    assert measure(values, values[::-1]) == 0.0
