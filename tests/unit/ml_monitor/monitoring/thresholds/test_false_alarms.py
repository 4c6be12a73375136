from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from ml_core.errors import InvalidInput
from ml_monitor.monitoring.results import Metric, Undefined
from ml_monitor.monitoring.thresholds.false_alarms import (
    NullDistribution,
    chunk_probability,
    default_block_rows,
    draw_null_distribution,
    draws_for,
)

MAE = Metric("mae", "Mean absolute error", "lower_is_better", 0.0)
AUC = Metric("roc_auc", "ROC AUC", "higher_is_better", 0.0, 1.0)
BIAS = Metric("bias", "Bias", "nearer_zero_is_better")
ONE_TO_999 = NullDistribution(tuple(float(value) for value in range(1, 1000)), 100, 1000, 10)


def test_a_bound_is_the_value_that_a_chunk_without_change_crosses_with_the_probability() -> None:
    upper, lower, both = (ONE_TO_999.threshold(metric, 0.05) for metric in (MAE, AUC, BIAS))
    assert (upper.lower, upper.upper) == (None, 950.0)
    assert (lower.lower, lower.upper) == (50.0, None)
    assert (both.lower, both.upper) == (25.0, 975.0)
    assert upper.origin == "false_alarms"
    assert upper.details == {
        "probability": 0.05,
        "chunk_rows": 100,
        "reference_rows": 1000,
        "block_rows": 10,
        "draws": 999,
    }


def test_a_p_value_counts_the_draws_that_are_as_bad() -> None:
    assert ONE_TO_999.p_value(950.0, "lower_is_better") == pytest.approx(51 / 1000)
    assert ONE_TO_999.p_value(50.0, "higher_is_better") == pytest.approx(51 / 1000)
    assert ONE_TO_999.p_value(50.0, "nearer_zero_is_better") == pytest.approx(102 / 1000)
    assert ONE_TO_999.p_value(500.0, "nearer_zero_is_better") == 1.0
    assert ONE_TO_999.p_value(1e9, "lower_is_better") == pytest.approx(1 / 1000)
    assert ONE_TO_999.p_value(Undefined("no rows"), "lower_is_better") == Undefined("no rows")


def test_a_probability_that_the_draws_cannot_tell_is_refused() -> None:
    assert ONE_TO_999.threshold(MAE, 0.001).upper == 999.0
    with pytest.raises(InvalidInput, match="probability"):
        ONE_TO_999.threshold(MAE, 0.0005)
    with pytest.raises(InvalidInput, match="probability"):
        ONE_TO_999.threshold(BIAS, 0.0015)
    with pytest.raises(InvalidInput, match="between 0 and 1"):
        ONE_TO_999.threshold(MAE, 1.0)


def test_small_chunks_get_wide_bounds_and_the_reference_counts_as_a_sample_too() -> None:
    values = np.random.default_rng(0).normal(size=4000)
    widths = []
    for rows in (100, 1000, 4000):
        null = draw_null_distribution(
            lambda picked: float(values[picked].mean()), reference_rows=4000, chunk_rows=rows, draws=4000, block_rows=1
        )
        assert isinstance(null, NullDistribution)
        widths.append(float(np.std(null.values)))
    expected = [np.sqrt(1 / rows + 1 / 4000) for rows in (100, 1000, 4000)]
    assert widths == pytest.approx(expected, rel=0.06)


def test_blocks_are_neighbours_and_go_round_at_the_end() -> None:
    seen = []
    draw_null_distribution(
        lambda picked: float(seen.append(picked) or 0.0), reference_rows=50, chunk_rows=30, draws=200, block_rows=5
    )
    assert {len(picked) for picked in seen} == {round(30 * 50 / 80)}
    steps = np.concatenate([np.diff(picked[:5]) % 50 for picked in seen])
    assert set(steps.tolist()) == {1}
    assert {int(picked.max()) for picked in seen} <= set(range(50))
    assert any(set(picked[:5].tolist()) >= {49, 0} for picked in seen)


def test_the_same_seed_gives_the_same_bounds() -> None:
    values = np.arange(100.0)
    drawn = [
        draw_null_distribution(
            lambda picked: float(values[picked].mean()), reference_rows=100, chunk_rows=20, draws=200, seed=seed
        )
        for seed in (1, 1, 2)
    ]
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_metric_that_seldom_has_a_value_gives_no_bound() -> None:
    found = draw_null_distribution(
        lambda picked: Undefined("one class") if 7 in picked else 1.0, reference_rows=20, chunk_rows=20, draws=200
    )
    assert isinstance(found, Undefined)
    assert "of 200 chunks of 20 rows have a value" in found.reason


@pytest.mark.parametrize(
    ("field", "sizes"),
    [
        ("reference_rows", {"reference_rows": 1}),
        ("chunk_rows", {"chunk_rows": 0}),
        ("draws", {"draws": 10}),
        ("block_rows", {"block_rows": 101}),
        ("block_rows", {"block_rows": 0}),
    ],
)
def test_sizes_that_cannot_be_drawn_are_refused_by_name(field: str, sizes: dict[str, int]) -> None:
    usual = {"reference_rows": 100, "chunk_rows": 10, "draws": 200} | sizes
    with pytest.raises(InvalidInput) as caught:
        draw_null_distribution(lambda picked: 0.0, **usual)
    assert caught.value.details[0].field == field


def test_more_draws_are_asked_for_the_rarer_the_alarm() -> None:
    assert draws_for(0.5, "lower_is_better") == 200
    assert draws_for(0.01, "lower_is_better") == 2000
    assert draws_for(0.01, "nearer_zero_is_better") == 4000
    assert default_block_rows(1000) == 10


@pytest.mark.parametrize(("budget", "bad", "of"), [(0.01, 2, 3), (0.001, 1, 1), (0.05, 3, 5)])
def test_the_probability_per_chunk_makes_k_of_n_chunks_as_rare_as_the_budget(budget: float, bad: int, of: int) -> None:
    from scipy.stats import binom

    probability = chunk_probability(budget, bad, of, chunk_rows=1, reference_rows=10**9)
    assert binom.sf(bad - 1, of, probability) == pytest.approx(budget, rel=1e-3)


def test_runs_are_likelier_than_single_chunks_tell_when_the_reference_is_small() -> None:
    probabilities = [chunk_probability(0.05, 2, 3, chunk_rows=500, reference_rows=rows) for rows in (500, 5000, 50_000)]
    assert probabilities == sorted(probabilities)
    generator = np.random.default_rng(6)
    bounds = 2**0.5 * NormalDist().inv_cdf(1 - probabilities[0]) + generator.normal(size=(200_000, 1))
    beyond = generator.normal(size=(200_000, 3)) > bounds
    assert np.mean(beyond.sum(axis=1) >= 2) == pytest.approx(0.05, abs=0.0015)
    single = chunk_probability(0.05, 1, 1, chunk_rows=500, reference_rows=500)
    assert single == pytest.approx(0.05, abs=1e-6)


def test_a_budget_or_a_rule_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidInput, match="budget"):
        chunk_probability(0.0, 2, 3, chunk_rows=1, reference_rows=2)
    with pytest.raises(InvalidInput, match="bad_chunks"):
        chunk_probability(0.01, 4, 3, chunk_rows=1, reference_rows=2)
