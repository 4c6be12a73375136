"""Every scorer of an isolation forest says what scikit-learn says, to the last bit, of easy rows and of hard ones."""

from __future__ import annotations

import numpy as np
import pytest

from ml_core.detectors.base import Scorer
from ml_core.detectors.forest import Forest
from ml_core.detectors.isolation_forest import labels_of
from ml_core.detectors.threshold_grid import build_grid
from ml_core.detectors.tree_walk import TreeWalk
from tests.forests import a_forest, hard_rows, sklearn_labels, sklearn_scores, the_arrays

MODELS = [
    pytest.param(kind, features, contamination, max_features, id=f"{kind}-{features}-{contamination}-{max_features}")
    for kind, features, contamination, max_features in [
        ("grid", 1, "auto", 1.0),
        ("grid", 2, "auto", 1.0),
        ("grid", 2, 0.001, 1.0),
        ("grid", 2, 0.1, 0.5),  # each tree sees one feature alone
        ("walk", 1, 0.001, 1.0),
        ("walk", 2, "auto", 1.0),
        ("walk", 3, 0.001, 1.0),
        ("walk", 5, 0.01, 0.6),
        ("walk", 10, "auto", 1.0),
    ]
]


def scorer_of(kind: str, forest: Forest) -> Scorer:
    if kind == "walk":
        return TreeWalk(forest)
    grid = build_grid(forest)
    assert grid is not None
    return grid


@pytest.mark.parametrize(("kind", "features", "contamination", "max_features"), MODELS)
def test_scores_and_labels_are_scikit_learns_to_the_bit(
    kind: str, features: int, contamination: float | str, max_features: float
) -> None:
    estimator = a_forest(features, contamination, max_features)
    forest = the_arrays(features, contamination, max_features)
    rows = hard_rows(forest)
    scores = scorer_of(kind, forest).scores(rows)
    assert scores.tobytes() == sklearn_scores(estimator, rows).tobytes()
    assert np.array_equal(labels_of(scores, forest.offset), sklearn_labels(estimator, rows))


@pytest.mark.parametrize(("kind", "features", "contamination", "max_features"), MODELS)
def test_a_row_alone_is_scored_as_among_others(
    kind: str, features: int, contamination: float | str, max_features: float
) -> None:
    forest = the_arrays(features, contamination, max_features)
    rows = hard_rows(forest, count=40)
    scorer = scorer_of(kind, forest)
    assert [scorer.score(row) for row in rows.tolist()] == scorer.scores(rows).tolist()


@pytest.mark.parametrize("kind", ["grid", "walk"])
def test_a_score_is_a_plain_float(kind: str) -> None:
    assert type(scorer_of(kind, the_arrays(2)).score([194, 167])) is float


@pytest.mark.parametrize("kind", ["grid", "walk"])
def test_no_rows_have_no_scores(kind: str) -> None:
    assert scorer_of(kind, the_arrays(2)).scores(np.zeros((0, 2))).shape == (0,)
