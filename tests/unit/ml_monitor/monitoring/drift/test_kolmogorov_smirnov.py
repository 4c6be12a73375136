"""The Kolmogorov-Smirnov statistic beside scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ml_monitor.monitoring.columns import number_column
from ml_monitor.monitoring.drift.base import MeasuredDrift
from ml_monitor.monitoring.drift.kolmogorov_smirnov import KolmogorovSmirnov

NUMBERS = st.lists(
    st.integers(-3, 3).map(float) | st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1, max_size=40
)


def measure(reference: object, current: object, method: KolmogorovSmirnov | None = None) -> MeasuredDrift:
    method = method or KolmogorovSmirnov()
    return method.measure(method.fit(number_column(reference)), number_column(current))


@pytest.mark.filterwarnings("ignore:ks_2samp. Exact calculation unsuccessful")  # scipy's own, where p rounds beyond 1
@given(NUMBERS, NUMBERS)
def test_small_samples_agree_with_scipy(reference: list[float], current: list[float]) -> None:
    ours, theirs = measure(reference, current), stats.ks_2samp(reference, current)
    assert ours.value == pytest.approx(theirs.statistic, abs=1e-12)
    assert ours.p_value == pytest.approx(theirs.pvalue, abs=1e-9)


@pytest.mark.parametrize("seed", range(40))
def test_samples_of_all_sizes_agree_with_scipy(seed: int) -> None:
    random = np.random.default_rng(seed)
    rows, others = random.integers(1, 2_500, 2)
    decimals = int(random.integers(0, 5))
    reference = random.standard_normal(rows).round(decimals)
    current = (random.standard_normal(others) + random.choice([0.0, 0.1, 3.0])).round(decimals)
    ours, theirs = measure(reference, current), stats.ks_2samp(reference, current)
    assert ours.value == pytest.approx(theirs.statistic, abs=1e-12)
    assert ours.p_value == pytest.approx(theirs.pvalue, abs=1e-9)


@pytest.mark.parametrize("shift", [0.0, 0.02, 0.1])
def test_large_samples_agree_with_scipy_if_all_rows_are_kept(shift: float) -> None:
    random = np.random.default_rng(1)
    reference, current = random.standard_normal(12_000), random.standard_normal(3_000) + shift
    ours = measure(reference, current, KolmogorovSmirnov(exact_rows=12_000))
    theirs = stats.ks_2samp(reference, current)
    assert ours.value == pytest.approx(theirs.statistic, abs=1e-12)
    assert ours.p_value == pytest.approx(theirs.pvalue, abs=1e-9)


@pytest.mark.parametrize("rows", [700, 30_000], ids=["fewer rows than points", "more rows than points"])
@pytest.mark.parametrize("decimals", [1, 12], ids=["ties", "no ties"])
def test_above_the_limit_the_statistic_is_off_by_a_quarter_of_a_thousandth_at_most(rows: int, decimals: int) -> None:
    random = np.random.default_rng(rows)
    reference = random.standard_normal(40_000).round(decimals)
    current = (random.standard_normal(rows) * 1.02).round(decimals)
    ours, theirs = measure(reference, current), stats.ks_2samp(reference, current, method="asymp")
    assert ours.value == pytest.approx(theirs.statistic, abs=0.00025 + 1 / 40_000)


@pytest.mark.parametrize("shift", [0.0, 0.02, 0.03, 0.05])
def test_above_the_limit_the_p_value_is_within_a_hundredth_of_its_own_size(shift: float) -> None:
    random = np.random.default_rng(3)
    reference, current = random.standard_normal(40_000), random.standard_normal(1_000) + shift
    ours = measure(reference, current)
    assert isinstance(ours.value, float)
    asymptotic = stats.kstwo.sf(ours.value, round(40_000 * 1_000 / 41_000))
    assert asymptotic > 0.01
    assert ours.p_value == pytest.approx(asymptotic, rel=0.01)


def test_one_value_far_out_hides_nothing() -> None:
    random = np.random.default_rng(4)
    reference = np.append(random.standard_normal(20_000), 1e12)
    assert measure(reference, random.standard_normal(2_000) + 1.0).value == pytest.approx(0.38, abs=0.03)


def test_values_apart_from_each_other_lie_at_the_distance_one() -> None:
    assert measure([1, 2, 3], [7, 8, 9]).value == measure([7, 8, 9], [1, 2, 3]).value == 1.0
