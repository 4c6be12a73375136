"""The reference as sorted points, and how much a summary may be off."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ml_monitor.monitoring.drift.points import EXACT_ROWS, MOST_POINTS, fit_points

random = np.random.default_rng(2)
MANY = 20_000
SHAPES = {
    "normal": random.standard_normal(MANY),
    "heavy tails": random.standard_cauchy(MANY),
    "few values": random.integers(0, 5, MANY).astype(float),
    "one far out": np.append(random.standard_normal(MANY - 1), 1e12),
    "half of them equal": np.where(random.random(MANY) < 0.5, 0.0, random.standard_normal(MANY)),
    "an odd number": random.standard_exponential(MANY + 7),
}


def test_up_to_the_limit_every_value_is_kept() -> None:
    values = random.integers(0, 900, EXACT_ROWS).astype(float)
    points = fit_points(values)
    assert points.is_exact
    np.testing.assert_array_equal(np.repeat(points.values, np.diff(points.cumulative)), np.sort(values))
    assert points.standard_deviation == pytest.approx(np.std(values), rel=1e-12)


@pytest.mark.parametrize("values", SHAPES.values(), ids=SHAPES.keys())
def test_a_summary_is_as_near_to_the_reference_as_it_says(values: np.ndarray) -> None:
    points = fit_points(values)
    summary = np.repeat(points.values, np.diff(points.cumulative))
    assert not points.is_exact
    assert points.rows == len(summary) == len(values)
    assert len(points.values) <= MOST_POINTS
    assert stats.ks_2samp(values, summary, method="asymp").statistic <= 0.5 / MOST_POINTS + 1 / len(values)
    assert points.summary_error == pytest.approx(stats.wasserstein_distance(values, summary), rel=1e-9)


def test_a_summary_holds_values_of_the_reference_only() -> None:
    points = fit_points(SHAPES["heavy tails"])
    assert np.isin(points.values, SHAPES["heavy tails"]).all()


def test_what_is_too_large_for_a_float_is_not_told() -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        points = fit_points(np.array([-1.7e308, 1.7e308]))
    assert points.standard_deviation is None
