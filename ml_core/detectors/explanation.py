"""Why a row has its score: what each feature adds to, or takes from, the depth at which the trees isolate it.

The method is the decomposition of a prediction along its path (Saabas, "Interpreting random forests", 2014), applied to
the depth that an isolation forest averages (Liu, Ting and Zhou, 2008). A node's expected depth is the mean depth of the
leaves below it, each weighted by the training samples in it. Each step from a node to its child changes the expected
depth; that change is the doing of the feature on which the node splits. So, with means over all trees,

    expected depth of the roots + sum of the contributions = the row's depth,     score = -2 ** (-depth / c(psi))

A feature with a negative contribution makes the row easier to isolate, that is, more anomalous. It holds for each tree
and each row without approximation; but of two features that tell the same, the one that happens to be split on first
gets the credit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ml_core.detectors.base import Floats
from ml_core.detectors.forest import Forest

_FARTHEST = 1e300


@dataclass(frozen=True, slots=True)
class Explanation:
    """The row's mean depth over the trees, what it would be for any row, and what each feature changes about it."""

    depth: float
    expected_depth: float
    contributions: tuple[float, ...]


class Explainer:
    """Explains the scores of one forest."""

    def __init__(self, forest: Forest) -> None:
        self._forest = forest
        self._expected = _expected_depths(forest)

    def explain(self, vector: Sequence[float]) -> Explanation:
        """Return what makes up the depth of one row of finite numbers."""
        forest = self._forest
        row = np.asarray(vector, dtype=np.float64)
        contributions = np.zeros(forest.features)
        nodes = forest.roots
        for _ in range(forest.levels):
            features = forest.feature.take(nodes)
            below = forest.left.take(nodes) + (row.take(features) > forest.limit.take(nodes))
            # A leaf leads to itself, and changes nothing.
            np.add.at(contributions, features, self._expected.take(below) - self._expected.take(nodes))
            nodes = below
        trees = len(forest.roots)
        return Explanation(
            depth=float(forest.depth.take(nodes).mean()),
            expected_depth=float(self._expected.take(forest.roots).mean()),
            contributions=tuple((contributions / trees).tolist()),
        )


def nearest_row(rows: Floats, vector: Sequence[float]) -> int | None:
    """Return which of ``rows`` is nearest to ``vector``, each feature counted in standard deviations of ``rows``.

    None if there are no rows. A feature that does not vary in them is counted as it is.
    """
    if not len(rows):
        return None
    with np.errstate(over="ignore"):
        spread = rows.std(axis=0)
        distances = np.abs(rows - np.asarray(vector, dtype=np.float64)) / np.where(spread > 0, spread, 1.0)
    # Squares of what is far out would overflow, and all rows be equally far.
    distances = np.minimum(distances, _FARTHEST)
    scale = max(float(distances.max()), np.finfo(np.float64).tiny)
    return int(np.argmin(((distances / scale) ** 2).sum(axis=1)))


def _expected_depths(forest: Forest) -> Floats:
    """Return the expected depth at each node: of a leaf its own, of others the mean of what is below."""
    left, depths = forest.left.tolist(), forest.depth.tolist()
    samples = forest.samples.astype(np.float64).tolist()
    for node in range(len(left) - 1, -1, -1):  # children come after their parents
        child = left[node]
        if child != node:
            weights = samples[child], samples[child + 1]
            depths[node] = (depths[child] * weights[0] + depths[child + 1] * weights[1]) / sum(weights)
    return np.array(depths)
