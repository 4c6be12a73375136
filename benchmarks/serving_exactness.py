"""Scores and labels of random and hard rows, compared bit by bit with scikit-learn's, on five models.

The control adds the same depths pairwise, as numpy does: that the comparison finds it shows that a last bit counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figures import Figure, Sizes, progress
from ml_core.artifacts import isolation_forest_format
from ml_core.detectors.base import Floats
from ml_core.detectors.forest import Forest
from ml_core.detectors.isolation_forest import labels_of, load_scorer
from tests.forests import hard_rows, sklearn_labels, sklearn_scores

MODELS: tuple[tuple[int, float | str], ...] = ((2, "auto"), (2, 0.001), (3, 0.001), (5, "auto"), (10, 0.001))
_KINDS_OF_HARD_ROWS = 7
_ONE_BY_ONE = 5_000
_FITTED_ROWS = 20_000


def measure(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Yield how many rows of all models differ, and whether rows one by one do."""
    different = alone_different = pairwise_different = compared = alone_compared = 0
    kinds = []
    for features, contamination in MODELS:
        progress(f"exactness: {features} features, contamination {contamination}")
        estimator = _fit(features, contamination, min(_FITTED_ROWS, sizes.compared_rows))
        place = folder / f"{features}-{contamination}"
        place.mkdir()
        isolation_forest_format.save(estimator, place / isolation_forest_format.FILE)
        scorer, differences = load_scorer(place)
        assert not differences, differences
        kinds.append("grid" if scorer.grid else "walk")
        rows = hard_rows(scorer.forest, -(-sizes.compared_rows // _KINDS_OF_HARD_ROWS))
        scores, labels = sklearn_scores(estimator, rows), sklearn_labels(estimator, rows)
        ours = scorer.fastest.scores(rows)
        different += int(((ours != scores) | (labels_of(ours, scorer.offset) != labels)).sum())
        compared += len(rows)
        some = np.random.default_rng(0).choice(len(rows), min(_ONE_BY_ONE, len(rows)), replace=False)
        alone = np.array([scorer.fastest.score(row) for row in rows[some].tolist()])
        alone_different += int((alone != scores[some]).sum())
        alone_compared += len(some)
        pairwise_different += int((_summed_pairwise(scorer.forest, rows[some]) != scores[some]).sum())
    yield Figure(
        f"scores and labels unlike scikit-learn's, {len(MODELS)} models of 2 to 10 features ({', '.join(kinds)})",
        f"{different} of {compared:,} rows together, {alone_different} of {alone_compared:,} one by one; "
        f"{pairwise_different:,} if depths are summed pairwise",
        "0",
        different + alone_different == 0,
        shown=pairwise_different > 0,
    )


def _fit(features: int, contamination: float | str, count: int) -> Any:
    from sklearn.ensemble import IsolationForest

    rows = np.random.default_rng(features).lognormal(5, 1.2, (count, features))
    return IsolationForest(random_state=16, contamination=contamination).fit(rows)


def _summed_pairwise(forest: Forest, rows: Floats) -> Floats:
    nodes = np.repeat(forest.roots[None, :], len(rows), axis=0)
    for _ in range(forest.levels):
        values = np.take_along_axis(rows, forest.feature[nodes], axis=1)
        nodes = forest.left[nodes] + (values > forest.limit[nodes])
    return forest.finish(forest.depth[nodes].sum(axis=1))
