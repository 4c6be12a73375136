"""Bins of the reference."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_monitor.monitoring.drift.bins import NumberBins, equal_frequency_bins, equal_width_bins

NUMBERS = st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=40).map(
    lambda values: np.array(values, dtype=np.float64)
)


@pytest.mark.parametrize("seed", range(30))
def test_bins_of_equal_width_are_those_of_numpy_by_doanes_rule(seed: int) -> None:
    random = np.random.default_rng(seed)
    shape = (random.standard_normal, random.standard_exponential, random.random)[seed % 3]
    values = shape(int(random.integers(3, 3_000)))
    edges = np.histogram_bin_edges(values, bins="doane")
    bins = equal_width_bins(values)
    np.testing.assert_allclose(bins.edges, edges, rtol=1e-12, atol=1e-12)
    assert bins.counts.tolist() == [0, *np.histogram(values, edges)[0], 0]
    assert bins.beside(np.array([values.min(), values.max()]))[1][[0, -1]].tolist() == [0, 0]


@given(NUMBERS, NUMBERS)
def test_every_value_falls_into_one_bin(values: np.ndarray, others: np.ndarray) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        both = equal_width_bins(values), equal_frequency_bins(values)
    for bins in both:
        assert np.isfinite(bins.edges).all()
        assert (np.diff(bins.edges) > 0).all()
        assert bins.rows == len(values)
        reference, current = bins.beside(others)
        assert len(reference) == len(current) == len(bins.edges) + 1
        assert current.sum() == len(others)
        assert bins.beside(values)[1].tolist() == reference.tolist()


def test_a_constant_reference_has_a_bin_for_its_one_value() -> None:
    for bins in (equal_width_bins(np.full(9, 3.0)), equal_frequency_bins(np.full(9, 3.0))):
        assert bins.beside(np.array([math.nextafter(3.0, 0.0), 3.0, 3.0, 4.0]))[1].tolist() == [1, 2, 1]


def test_of_a_column_with_few_values_each_is_a_bin() -> None:
    bins = equal_frequency_bins(np.array([0.0, 1.0, 1.0, 2.0]))
    assert bins.counts.tolist() == [0, 1, 0, 2, 0, 1, 0]
    assert bins.beside(np.array([0.5, 1.0, 9.0]))[1].tolist() == [0, 0, 1, 1, 0, 0, 1]


def test_ties_make_bins_of_equal_frequency_fewer() -> None:
    values = np.concatenate([np.zeros(500), np.arange(1.0, 501.0)])
    bins = equal_frequency_bins(values)
    assert bins.rows == 1000
    assert len(bins.edges) < 9
    assert bins.counts.tolist()[-1] == 100


def test_bins_come_back_from_their_dictionary() -> None:
    bins = equal_width_bins(np.arange(50.0))
    assert NumberBins.from_dict(bins.to_dict()).to_dict() == bins.to_dict()
