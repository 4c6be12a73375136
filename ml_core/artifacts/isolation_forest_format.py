"""Isolation forests: scikit-learn's estimator by skops, and beside it the scorer that does without scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ml_core.artifacts import skops_format
from ml_core.artifacts.formats import Outputs
from ml_core.detectors.isolation_forest import make_probes, make_scorer, save_scorer
from ml_core.errors import ArtifactError

FILE = skops_format.FILE
LIBRARY = skops_format.LIBRARY


@dataclass(frozen=True, slots=True)
class _ForestPredictor:
    estimator: Any

    def predict(self, frame: pd.DataFrame) -> Outputs:
        rows = frame.to_numpy(dtype=np.float64)
        with np.errstate(over="ignore"):  # what float32 cannot hold is infinite to the trees, and scored all the same
            scores, labels = self.estimator.score_samples(rows), self.estimator.predict(rows)
        return Outputs(labels.astype(np.float64).tolist(), scores.tolist())


def save(model: Any, path: Path) -> None:
    """Write an ``IsolationForest`` that was fitted on an array, and its scorer into the same folder."""
    skops_format.save(model, path)
    scorer = make_scorer(model)
    save_scorer(path.parent, scorer, make_probes(model, scorer.forest))


def load(path: Path) -> _ForestPredictor:
    """Read the estimator; raise ``ArtifactError`` if it holds a type that is not trusted, or cannot be read."""
    estimator = skops_format.load_estimator(path)
    if not hasattr(estimator, "score_samples"):
        raise ArtifactError(f"{path.name} holds a {type(estimator).__name__}, which gives no scores of anomalies")
    return _ForestPredictor(estimator)
