"""Contributions add up to the depth behind a score, and the feature that is off gets the blame."""

from __future__ import annotations

import numpy as np
import pytest

from ml_core.detectors.explanation import Explainer, nearest_row
from ml_core.detectors.forest import read_forest
from ml_core.detectors.tree_walk import TreeWalk
from tests.forests import hard_rows, the_arrays


@pytest.mark.parametrize("features", [1, 2, 5])
def test_contributions_add_up_to_the_depth_which_makes_the_score(features: int) -> None:
    forest = the_arrays(features)
    explainer, walk = Explainer(forest), TreeWalk(forest)
    for row in hard_rows(forest, count=10).tolist():
        found = explainer.explain(row)
        assert found.expected_depth + sum(found.contributions) == pytest.approx(found.depth, abs=1e-9)
        average = forest.denominator / len(forest.roots)
        assert -(2 ** (-found.depth / average)) == pytest.approx(walk.score(row), abs=1e-12)


def test_the_expected_depth_is_the_mean_over_the_rows_that_each_tree_was_grown_on() -> None:
    forest = the_arrays(2)
    leaves = forest.is_leaf()
    of_tree = np.repeat(np.arange(len(forest.roots)), np.diff([*forest.roots, len(forest.left)]))
    sums = np.bincount(of_tree[leaves], forest.depth[leaves] * forest.samples[leaves])
    means = sums / np.bincount(of_tree[leaves], forest.samples[leaves])
    assert Explainer(forest).explain([100.0, 100.0]).expected_depth == pytest.approx(means.mean())


def test_the_feature_that_is_off_makes_a_row_anomalous() -> None:
    from sklearn.ensemble import IsolationForest

    rows = np.random.default_rng(0).normal(size=(2_000, 3))
    explainer = Explainer(read_forest(IsolationForest(random_state=0).fit(rows)))
    for off in range(3):
        row = [0.0, 0.0, 0.0]
        row[off] = 30.0
        contributions = explainer.explain(row).contributions
        assert int(np.argmin(contributions)) == off
        assert contributions[off] < -1


def test_a_feature_that_never_varies_contributes_nothing() -> None:
    from sklearn.ensemble import IsolationForest

    rows = np.column_stack([np.random.default_rng(0).normal(size=500), np.full(500, 7.0)])
    found = Explainer(read_forest(IsolationForest(random_state=0).fit(rows))).explain([9.0, 7.0])
    assert found.contributions[1] == 0.0


def test_the_nearest_row_is_counted_in_standard_deviations() -> None:
    rows = np.array([[0.0, 0.0], [1000.0, 0.1], [2000.0, 1.0]])
    assert nearest_row(rows, [1400.0, 0.9]) == 2  # as numbers the second row is nearer
    assert nearest_row(rows, [1400.0, 0.2]) == 1


def test_of_no_rows_none_is_nearest() -> None:
    assert nearest_row(np.zeros((0, 2)), [1.0, 2.0]) is None


@pytest.mark.parametrize("far", [1e308, -1.7e308])
def test_what_is_far_out_still_has_a_nearest_row(far: float) -> None:
    rows = np.array([[0.0, 5.0], [0.0, 5.001]])
    assert nearest_row(rows, [far, 5.001]) in (0, 1)
