from __future__ import annotations

import numpy as np
import pytest

from ml_core.detectors.forest import Forest, float64_limits, read_forest
from tests.forests import a_forest, the_arrays


def test_a_forest_survives_its_way_through_arrays() -> None:
    forest = the_arrays(3)
    again = Forest.from_arrays(forest.arrays())
    assert again.sha256() == forest.sha256()
    assert (again.features, again.levels, again.offset) == (3, forest.levels, -0.5)


def test_an_array_that_is_missing_is_named() -> None:
    arrays = the_arrays(3).arrays()
    del arrays["limit"]
    with pytest.raises(KeyError, match="limit"):
        Forest.from_arrays(arrays)


def test_forests_that_differ_in_one_bit_have_other_hashes() -> None:
    arrays = the_arrays(3).arrays()
    arrays["depth"] = arrays["depth"].copy()
    arrays["depth"][5] = np.nextafter(arrays["depth"][5], np.inf)
    assert Forest.from_arrays(arrays).sha256() != the_arrays(3).sha256()


def test_the_right_child_comes_directly_after_the_left_one() -> None:
    forest = the_arrays(2)
    estimator = a_forest(2)
    assert len(forest.left) == sum(tree.tree_.node_count for tree in estimator.estimators_)
    inner = np.flatnonzero(~forest.is_leaf())
    assert np.array_equal(
        np.sort(np.concatenate([forest.left[inner], forest.left[inner] + 1, forest.roots])), range(len(forest.left))
    )
    assert np.array_equal(
        forest.samples[forest.left[inner]] + forest.samples[forest.left[inner] + 1], forest.samples[inner]
    )


def test_features_are_numbered_as_in_the_rows_also_where_a_tree_saw_only_some() -> None:
    forest = the_arrays(5, 0.01, 0.6)
    assert set(forest.feature[~forest.is_leaf()]) == {0, 1, 2, 3, 4}


@pytest.mark.parametrize(
    "threshold",
    [0.0, 1.0, -1.0, 0.1, 194.3, 1 + 2.0**-24, 1e-45, -1e-46, 3.4e38, 3.4028234663852886e38, 1e39, -1e39, 16777217.0],
)
def test_a_limit_parts_the_float64_as_the_threshold_parts_their_float32(threshold: float) -> None:
    limit = float(float64_limits(np.array([threshold]))[0])
    after = np.nextafter(limit, np.inf)
    with np.errstate(over="ignore"):
        assert np.float64(np.float32(limit)) <= threshold
        assert np.float64(np.float32(after)) > threshold


def test_a_forest_of_one_row_scores_as_scikit_learn_does() -> None:
    from sklearn.ensemble import IsolationForest

    estimator = IsolationForest(n_estimators=3, random_state=0).fit([[1.0, 2.0]])
    forest = read_forest(estimator)
    assert forest.denominator == 0
    assert forest.finish(np.zeros(1))[0] == estimator.score_samples([[5.0, 5.0]])[0] == -0.5
