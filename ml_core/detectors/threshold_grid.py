"""Scores of a forest with one or two features, all worked out in advance: the exact value of every cell.

A forest is constant between neighbouring thresholds, so this is no approximation: the cells between all thresholds of
the first feature and all of the second hold every score there is. They multiply with each feature, hence at most two.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ml_core.detectors.base import Floats
from ml_core.detectors.forest import Forest

MOST_FEATURES = 2
MOST_CELLS = 8_000_000
"""64 MB. A hundred trees of 256 samples have one to seven million where values are skewed, more where they are even."""


class ThresholdGrid:
    """A scorer by two binary searches: a fraction of a microsecond a row.

    ``table`` has the shape (limits of feature 0 + 1, limits of feature 1 + 1). It may be mapped from a file, so that
    all processes share its memory.
    """

    def __init__(self, limits: tuple[Floats, Floats], table: Floats) -> None:
        expected = (len(limits[0]) + 1, len(limits[1]) + 1)
        if table.shape != expected or table.dtype != np.float64:
            raise ValueError(f"expected a table of float64 of shape {expected}, not {table.dtype} of {table.shape}")
        self.limits = limits
        self.table = table
        self._first, self._second = limits[0].tolist(), limits[1].tolist()
        self._width = table.shape[1]
        self._flat = np.asarray(table).reshape(-1)  # plain, for what is taken from a mapped array is slower
        self._cells: memoryview[float] = memoryview(self._flat)  # type: ignore[arg-type] # gives Python's floats, in a third of the time that numpy takes

    def score(self, vector: Sequence[float]) -> float:
        """Return the score of one row."""
        row = bisect_left(self._first, vector[0])
        if self._width == 1:
            return self._cells[row]
        return self._cells[row * self._width + bisect_left(self._second, vector[1])]

    def scores(self, rows: Floats) -> Floats:
        """Return the scores of ``rows``, shape (rows, features)."""
        cells = np.searchsorted(self.limits[0], rows[:, 0])
        if self._width > 1:
            cells = cells * self._width + np.searchsorted(self.limits[1], rows[:, 1])
        scores: Floats = self._flat.take(cells)
        return scores


def build_grid(forest: Forest, most_cells: int = MOST_CELLS) -> ThresholdGrid | None:
    """Return the grid of a forest, or None if it has more than two features or would have over ``most_cells`` cells.

    Each leaf is a rectangle of cells; its depth is added to them tree by tree, in the order in which scikit-learn adds.
    """
    if forest.features > MOST_FEATURES:
        return None
    inner = ~forest.is_leaf()
    limits = tuple(np.unique(forest.limit[inner & (forest.feature == feature)]) for feature in range(MOST_FEATURES))
    shape = (len(limits[0]) + 1, len(limits[1]) + 1)
    if shape[0] * shape[1] > most_cells:
        return None
    positions = np.zeros(len(forest.left), dtype=np.intp)
    for feature in range(MOST_FEATURES):
        split = inner & (forest.feature == feature)
        positions[split] = np.searchsorted(limits[feature], forest.limit[split])
    totals = np.zeros(shape)
    for root in forest.roots:
        _add_leaves(forest, int(root), positions, totals)
    scores = forest.finish(totals.reshape(-1)).reshape(shape)
    return ThresholdGrid((limits[0], limits[1]), scores)


def _add_leaves(forest: Forest, root: int, positions: NDArray[np.intp], totals: Floats) -> None:
    """Add the depth of each leaf below ``root`` to the cells that lead to it."""
    waiting = [(root, (0, totals.shape[0]), (0, totals.shape[1]))]
    while waiting:
        node, rows, columns = waiting.pop()
        left = int(forest.left[node])
        if left == node:
            totals[rows[0] : rows[1], columns[0] : columns[1]] += forest.depth[node]
            continue
        cut = int(positions[node]) + 1  # cells before it hold what is not above the limit
        if forest.feature[node] == 0:
            waiting.append((left, (rows[0], min(cut, rows[1])), columns))
            waiting.append((left + 1, (max(cut, rows[0]), rows[1]), columns))
        else:
            waiting.append((left, rows, (columns[0], min(cut, columns[1]))))
            waiting.append((left + 1, rows, (max(cut, columns[0]), columns[1])))
