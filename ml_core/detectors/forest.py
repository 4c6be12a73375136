"""An isolation forest as plain arrays: all that is needed to score as scikit-learn does, to the bit, without it.

Source of the score: Liu, Ting and Zhou, "Isolation Forest" (2008): ``s(x) = 2 ** (-E(h(x)) / c(psi))``, of which
scikit-learn returns the opposite. What is kept to the letter of its code, because another order gives other last bits:
the depth of a leaf is ``depth + c(samples) - 1.0``, depths are summed in the order of the trees, starting at zero,
and the power is numpy's, taken on an array (that of a scalar differs in the last bit).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_core.detectors.base import Floats

_LARGEST_FLOAT32 = float(np.finfo(np.float32).max)
# Half a step beyond the largest float32: from here on a float64 is rounded to infinity.
_OVERFLOW = _LARGEST_FLOAT32 + 2.0**103


@dataclass(frozen=True, slots=True)
class Forest:
    """The nodes of all trees in one row of arrays; the right child of a node comes directly after its left one.

    A row goes left at a node if ``row[feature] <= limit``. Leaves lead to themselves, so that a walk of ``levels``
    steps ends in a leaf whatever the tree. ``depth`` is what a leaf adds to a row's total; of an inner node it has no
    meaning. ``denominator`` is trees times ``c(psi)``; ``offset`` is the score below which a row is an anomaly.
    """

    features: int
    roots: NDArray[np.intp]
    feature: NDArray[np.intp]
    limit: Floats
    left: NDArray[np.intp]
    depth: Floats
    samples: NDArray[np.int64]
    levels: int
    denominator: float
    offset: float

    def finish(self, depths: Floats) -> Floats:
        """Return the scores of rows with these total depths; ``depths`` must be a contiguous array, never a scalar."""
        ratio = np.divide(depths, self.denominator) if self.denominator else np.ones_like(depths)
        scores: Floats = -(2 ** (-ratio))
        return scores

    def is_leaf(self) -> NDArray[np.bool_]:
        """Return which nodes are leaves."""
        leaves: NDArray[np.bool_] = self.left == np.arange(len(self.left))
        return leaves

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all of it as arrays by name, as ``from_arrays`` takes them."""
        return {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Forest:
        """Return the forest that ``arrays`` holds; raise ``KeyError`` if one is missing."""
        values = {field.name: arrays[field.name] for field in fields(cls)}
        plain: dict[str, Any] = {name: value.item() if value.ndim == 0 else value for name, value in values.items()}
        return cls(**plain)

    def sha256(self) -> str:
        """Return a hash of the trees."""
        digest = hashlib.sha256()
        for name, array in sorted(self.arrays().items()):
            digest.update(f"{name} {array.dtype} {array.shape}\n".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def read_forest(estimator: Any) -> Forest:
    """Return the trees of a fitted ``sklearn.ensemble.IsolationForest``, whichever features each was grown on."""
    parts: list[dict[str, NDArray[Any]]] = []
    roots, start = [], 0
    trees = zip(
        estimator.estimators_,
        estimator.estimators_features_,
        estimator._decision_path_lengths,
        estimator._average_path_length_per_tree,
        strict=True,
    )
    for tree, columns, path_lengths, average_lengths in trees:
        roots.append(start)
        parts.append(_read_tree(tree.tree_, np.asarray(columns), path_lengths + average_lengths - 1.0, start))
        start += len(parts[-1]["left"])
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return Forest(
        features=int(estimator.n_features_in_),
        roots=np.array(roots, dtype=np.intp),
        levels=max(int(tree.tree_.max_depth) for tree in estimator.estimators_),
        denominator=_denominator(len(estimator.estimators_), int(estimator.max_samples_)),
        offset=float(estimator.offset_),
        **joined,
    )


def _read_tree(tree: Any, columns: NDArray[Any], depth: Floats, start: int) -> dict[str, NDArray[Any]]:
    """Return the nodes of one tree in order of breadth, numbered from ``start`` on."""
    order = [0]  # old numbers in the new order; it grows while it is read
    left = []
    for number, old in enumerate(order):
        if tree.children_left[old] < 0:
            left.append(start + number)
        else:
            left.append(start + len(order))
            order += [int(tree.children_left[old]), int(tree.children_right[old])]
    nodes = np.array(order)
    inner = tree.children_left[nodes] >= 0
    return {
        "left": np.array(left, dtype=np.intp),
        "feature": np.where(inner, columns[np.where(inner, tree.feature[nodes], 0)], 0).astype(np.intp),
        "limit": np.where(inner, float64_limits(tree.threshold[nodes]), np.inf),
        "depth": np.asarray(depth[nodes], dtype=np.float64),
        "samples": np.asarray(tree.n_node_samples[nodes], dtype=np.int64),
    }


def float64_limits(thresholds: Floats) -> Floats:
    """Return for each threshold the largest float64 whose rounding to float32 is not above it.

    scikit-learn rounds a row to float32 before it compares; with these limits a float64 is compared as it came.
    """
    with np.errstate(over="ignore"):
        below = thresholds.astype(np.float32)
        below = np.where(below > thresholds, np.nextafter(below, np.float32(-np.inf)), below)
        above = np.nextafter(below, np.float32(np.inf))
        # The number halfway between the two neighbours is exact in float64; to which it is rounded, numpy knows.
        middle = below.astype(np.float64) / 2 + above.astype(np.float64) / 2
        middle = np.where(np.isposinf(above), _OVERFLOW, np.where(np.isneginf(below), -_OVERFLOW, middle))
        goes_left = middle.astype(np.float32) <= thresholds
    limits: Floats = np.where(goes_left, middle, np.nextafter(middle, -np.inf))
    return limits


def _denominator(trees: int, sample: int) -> float:
    """Return the number of trees times the average path length in a tree of so many samples."""
    # On arrays, as scikit-learn does: numpy's logarithm of a scalar may differ from that of an array.
    samples = np.array([sample])
    if sample <= 2:
        return float(trees * max(0.0, sample - 1.0))
    average = 2.0 * (np.log(samples - 1.0) + np.euler_gamma) - 2.0 * (samples - 1.0) / samples
    return float((trees * average)[0])
