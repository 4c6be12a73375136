"""Fitted isolation forests and hard rows for them, each made once."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from ml_core.detectors.base import Floats
from ml_core.detectors.forest import Forest, read_forest


@cache
def a_forest(features: int, contamination: float | str = "auto", max_features: float = 1.0, trees: int = 50) -> Any:
    """Return scikit-learn's forest fitted on skewed values."""
    from sklearn.ensemble import IsolationForest

    rows = np.random.default_rng(features).lognormal(5, 1, (2_000, features))
    forest = IsolationForest(
        n_estimators=trees, random_state=16, contamination=contamination, max_features=max_features
    )
    return forest.fit(rows)


@cache
def the_arrays(features: int, contamination: float | str = "auto", max_features: float = 1.0) -> Forest:
    """Return the same as arrays."""
    return read_forest(a_forest(features, contamination, max_features))


def hard_rows(forest: Forest, count: int = 300) -> Floats:
    """Return rows on the limits of the trees, beside them, at the float32 next to them, between them, and far out."""
    random = np.random.default_rng(7)
    limits = [np.unique(forest.limit[~forest.is_leaf() & (forest.feature == each)]) for each in range(forest.features)]
    on = np.column_stack([random.choice(each, count) for each in limits])
    float32 = on.astype(np.float32)
    far = random.choice([0.0, -0.0, 1e-45, -1e40, 1e40, 3.4028235677973366e38, 1.7e308, -1.7e308], on.shape)
    return np.vstack(
        [
            on,
            np.nextafter(on, np.inf),
            np.nextafter(on, -np.inf),
            np.nextafter(float32, np.float32(np.inf)).astype(np.float64),
            np.nextafter(float32, np.float32(-np.inf)).astype(np.float64),
            random.lognormal(5, 1.5, on.shape),
            far,
        ]
    )


def sklearn_scores(estimator: Any, rows: Floats) -> Floats:
    """Return what scikit-learn says of rows, also of those beyond float32."""
    with np.errstate(over="ignore"):
        scores: Floats = estimator.score_samples(rows)
    return scores


def sklearn_labels(estimator: Any, rows: Floats) -> Any:
    """Return scikit-learn's labels of rows."""
    with np.errstate(over="ignore"):
        return estimator.predict(rows)
