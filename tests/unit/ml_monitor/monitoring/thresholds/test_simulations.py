"""Without drift the false alarms stay within 1.5 times the budget; a small shift in one of many columns is found.

Every simulation draws many references, since a threshold from one reference is right only on the average.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ml_core.scores import roc_auc_score
from ml_monitor.monitoring.results import Metric
from ml_monitor.monitoring.thresholds.false_alarms import (
    NullDistribution,
    Statistic,
    chunk_probability,
    draw_null_distribution,
    draws_for,
)
from ml_monitor.monitoring.thresholds.multiple import called

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Floats]

REFERENCE_ROWS = 5000
BUDGET = 0.05
MOST = 1.5


def independent_losses(generator: np.random.Generator, rows: int) -> Floats:
    return generator.gamma(2.0, 1.0, rows)


def correlated_errors(generator: np.random.Generator, rows: int) -> Floats:
    """Errors of a series: half of each is left of the one before."""
    steps = generator.normal(size=rows)
    errors = np.empty(rows)
    last = 0.0
    for row, step in enumerate(steps):
        errors[row] = last = 0.5 * last + step
    return errors


def scored_rows(generator: np.random.Generator, rows: int) -> Floats:
    scores = generator.normal(size=rows)
    truths = generator.random(rows) < 1 / (1 + np.exp(-1.5 * scores))
    return np.column_stack([scores, truths.astype(np.float64)])


def mean(rows: Floats) -> float:
    return float(rows.mean())


def area(rows: Floats) -> float:
    return roc_auc_score(rows[:, 1], rows[:, 0])


def null_of(statistic: Statistic, reference_rows: int, chunk_rows: int, **more: Any) -> NullDistribution:
    null = draw_null_distribution(statistic, reference_rows=reference_rows, chunk_rows=chunk_rows, **more)
    assert isinstance(null, NullDistribution)
    return null


def alarms(
    metric: Metric,
    draw: Draw,
    statistic: Callable[[Floats], float],
    chunk_rows: int,
    probability: float,
    *,
    references: int = 60,
    chunks: int = 30,
    seed: int = 11,
) -> NDArray[np.bool_]:
    """Return for so many references, and chunks without drift of each, whether the chunk is beyond its threshold."""
    generator = np.random.default_rng(seed)
    found = np.empty((references, chunks), dtype=bool)
    for row in found:
        reference = draw(generator, REFERENCE_ROWS)
        null = null_of(
            lambda picked, reference=reference: statistic(reference[picked]),  # type: ignore[misc]
            REFERENCE_ROWS,
            chunk_rows,
            draws=draws_for(probability, metric.direction),
            seed=int(generator.integers(2**31)),
        )
        threshold = null.threshold(metric, probability)
        values = (statistic(draw(generator, chunk_rows)) for _ in row)
        row[:] = [threshold.judge(value, metric.direction).state == "beyond" for value in values]
    return found


@pytest.mark.parametrize("chunk_rows", [200, 1000, 2500])
@pytest.mark.parametrize(
    ("metric", "draw", "statistic"),
    [
        (Metric("mae", "MAE", "lower_is_better", 0.0), independent_losses, mean),
        (Metric("roc_auc", "ROC AUC", "higher_is_better", 0.0, 1.0), scored_rows, area),
        (Metric("bias", "Bias", "nearer_zero_is_better"), correlated_errors, mean),
    ],
    ids=["mae", "roc_auc", "bias of a series"],
)
def test_without_drift_false_alarms_stay_within_the_budget(
    metric: Metric, draw: Draw, statistic: Callable[[Floats], float], chunk_rows: int
) -> None:
    share = float(alarms(metric, draw, statistic, chunk_rows, BUDGET).mean())
    assert 0.4 * BUDGET < share < MOST * BUDGET


def test_the_budget_holds_for_a_rule_of_two_of_three_chunks_too() -> None:
    probability = chunk_probability(BUDGET, 2, 3, chunk_rows=500, reference_rows=REFERENCE_ROWS)
    metric = Metric("mae", "MAE", "lower_is_better", 0.0)
    beyond = alarms(metric, independent_losses, mean, 500, probability, references=400, chunks=6)
    firing = sum(beyond[:, start : start + 4].astype(int) for start in range(3)) >= 2
    assert 0.4 * BUDGET < float(np.mean(firing)) < MOST * BUDGET


def test_blocks_are_what_keeps_the_budget_when_rows_resemble_their_neighbours() -> None:
    generator = np.random.default_rng(13)
    metric = Metric("bias", "Bias", "nearer_zero_is_better")
    share = {}
    for block_rows in (1, None):
        beyond = []
        for _ in range(30):
            reference = correlated_errors(generator, REFERENCE_ROWS)
            null = null_of(
                lambda picked, reference=reference: mean(reference[picked]),  # type: ignore[misc]
                REFERENCE_ROWS,
                500,
                draws=800,
                block_rows=block_rows,
            )
            threshold = null.threshold(metric, BUDGET)
            for _ in range(30):
                judgement = threshold.judge(mean(correlated_errors(generator, 500)), metric.direction)
                beyond.append(judgement.state == "beyond")
        share[block_rows] = float(np.mean(beyond))
    assert share[None] < MOST * BUDGET < 2 * BUDGET < share[1]


def ks_distance(sorted_reference: Floats, chunk: Floats) -> float:
    """Return the largest distance of the two empirical distribution functions, at the reference's values."""
    positions = np.searchsorted(np.sort(chunk), sorted_reference, side="right") / len(chunk)
    steps = np.arange(1, len(sorted_reference) + 1) / len(sorted_reference)
    return float(np.max(np.abs(positions - steps)))


class TwentyColumns:
    """Normal columns, judged by the Kolmogorov-Smirnov distance with Benjamini-Hochberg across them."""

    rows = 1000

    def __init__(self, seed: int) -> None:
        self.generator = np.random.default_rng(seed)
        self.references = np.sort(self.generator.normal(size=(20, REFERENCE_ROWS)), axis=1)
        # The distance is free of the distribution, so that one null serves all columns.
        reference = self.generator.normal(size=REFERENCE_ROWS)
        in_order = np.sort(reference)
        self.null = null_of(
            lambda picked: ks_distance(in_order, reference[picked]), REFERENCE_ROWS, self.rows, draws=2000, block_rows=1
        )

    def called(self, shift: float) -> list[bool]:
        """Return which columns are called drifted in a new chunk, of which the last is shifted by so many sd."""
        chunk = self.generator.normal(size=(20, self.rows))
        chunk[-1] += shift
        distances = (ks_distance(known, new) for known, new in zip(self.references, chunk, strict=True))
        return called([self.null.p_value(distance, "lower_is_better") for distance in distances], BUDGET)


def test_twenty_columns_without_drift_raise_no_more_alarms_than_one() -> None:
    rounds = [any(columns.called(0.0)) for columns in map(TwentyColumns, range(8)) for _ in range(50)]
    assert float(np.mean(rounds)) < MOST * BUDGET


def test_a_shift_of_a_fifth_of_a_deviation_in_one_of_twenty_columns_is_found_within_three_chunks() -> None:
    found = []
    for columns in map(TwentyColumns, range(20, 30)):
        chunks = [columns.called(0.2) for _ in range(3)]
        found.append(sum(chunk[-1] for chunk in chunks) >= 2)  # what a rule of two of three chunks asks
    assert all(found)
