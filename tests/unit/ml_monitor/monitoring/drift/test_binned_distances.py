"""Jensen-Shannon, Hellinger, L-infinity and PSI: formulas by hand and beside scipy, over labels and bins."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from ml_monitor.monitoring.columns import category_column, make_column, number_column
from ml_monitor.monitoring.drift.base import ColumnMethod
from ml_monitor.monitoring.drift.hellinger import Hellinger
from ml_monitor.monitoring.drift.jensen_shannon import JensenShannon
from ml_monitor.monitoring.drift.l_infinity import LInfinity
from ml_monitor.monitoring.drift.psi import PopulationStability
from ml_monitor.monitoring.results import Number

LABELS = st.lists(st.sampled_from("abcde"), min_size=1, max_size=60)


def measure(method: ColumnMethod, reference: object, current: object) -> Number:
    kind = "category" if isinstance(reference[0], str) else "number"
    return method.measure(method.fit(make_column(reference, kind)), make_column(current, kind)).value


def shares(reference: list[str], current: list[str]) -> list[np.ndarray]:
    labels = sorted({*reference, *current})
    return [np.array([side.count(label) / len(side) for label in labels]) for side in (reference, current)]


@given(LABELS, LABELS)
def test_distances_of_labels_are_their_formulas(reference: list[str], current: list[str]) -> None:
    p, q = shares(reference, current)
    with np.errstate(invalid="ignore"):  # scipy takes the root of a hair below 0 for equal shares
        theirs = np.nan_to_num(jensenshannon(p, q, base=2))
    # The root turns an error of 1e-16 near 0 into one of 1e-8, so that squares are compared.
    assert measure(JensenShannon(), reference, current) ** 2 == pytest.approx(theirs**2, abs=1e-12)
    assert measure(Hellinger(), reference, current) == pytest.approx(
        math.sqrt(max(0.0, 1 - np.sum(np.sqrt(p * q)))), abs=1e-7
    )
    assert measure(LInfinity(), reference, current) == pytest.approx(np.max(np.abs(p - q)), abs=1e-12)


@pytest.mark.parametrize("seed", range(30))
def test_jensen_shannon_of_numbers_agrees_with_scipy_over_doanes_bins(seed: int) -> None:
    random = np.random.default_rng(seed)
    reference = random.standard_exponential(int(random.integers(3, 5_000)))
    current = random.standard_exponential(int(random.integers(1, 5_000))) * 1.3 - 0.1
    edges = np.histogram_bin_edges(reference, bins="doane")
    p, q = (np.histogram(side, edges)[0] / len(side) for side in (reference, current))
    q = np.append(q, [np.mean(current < edges[0]), np.mean(current > edges[-1])])
    expected = jensenshannon(np.append(p, [0, 0]), q, base=2)
    assert measure(JensenShannon(), reference, current) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("method", [JensenShannon(), Hellinger(), LInfinity()])
def test_what_has_nothing_in_common_lies_at_the_distance_one(method: ColumnMethod) -> None:
    assert measure(method, ["a"] * 3, ["b"] * 5) == pytest.approx(1.0)
    assert measure(method, [1.0] * 3, [7.0] * 5) == pytest.approx(1.0)
    assert measure(method, [1.0] * 3, [1.0 + 1e-9] * 5) == pytest.approx(1.0)


def test_beyond_the_range_above_is_not_below() -> None:
    reference = np.linspace(0, 1, 101)
    assert measure(LInfinity(), reference, [-9.0, 9.0]) == pytest.approx(0.5, abs=1e-12)


def test_psi_is_the_sum_over_labels() -> None:
    reference, current = ["a"] * 50 + ["b"] * 50, ["a"] * 80 + ["b"] * 20
    expected = (0.5 - 0.8) * math.log(0.5 / 0.8) + (0.5 - 0.2) * math.log(0.5 / 0.2)
    assert measure(PopulationStability(), reference, current) == pytest.approx(expected, rel=1e-12)


def test_psi_takes_an_empty_bin_for_one_of_a_ten_thousandth() -> None:
    expected = 2 * (1 - 0.0001) * math.log(1 / 0.0001)
    assert measure(PopulationStability(), ["a"], ["b"]) == pytest.approx(expected, rel=1e-12)


def test_psi_of_numbers_is_over_tenths_of_the_reference() -> None:
    method = PopulationStability()
    statistics = method.fit(number_column(np.arange(1000.0)))
    assert statistics.to_dict()["counts"] == [100] * 9 + [100]
    current = np.arange(0.0, 100.0)  # all in the first tenth, as are values below the range
    expected = (0.1 - 1) * math.log(0.1) + 9 * (0.1 - 0.0001) * math.log(0.1 / 0.0001)
    assert method.measure(statistics, number_column(current)).value == pytest.approx(expected, rel=1e-12)
    assert method.measure(statistics, number_column(current - 500)).value == pytest.approx(expected, rel=1e-12)


def test_a_small_change_of_a_large_chunk_is_a_small_distance() -> None:
    random = np.random.default_rng(0)
    reference, current = random.standard_normal(50_000), random.standard_normal(50_000) + 0.02
    for method in (JensenShannon(), Hellinger(), LInfinity(), PopulationStability()):
        assert 0 < measure(method, reference, current) < 0.03


def test_a_label_of_a_missing_cell_does_not_exist() -> None:
    method = JensenShannon()
    statistics = method.fit(category_column(["a", None]))
    assert method.measure(statistics, category_column([None, None, "a"])).value == 0.0
