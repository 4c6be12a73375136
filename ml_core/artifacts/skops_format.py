"""scikit-learn estimators by skops: a zip of JSON and arrays that names its types, all of which must be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ml_core.artifacts.formats import Outputs, unreadable
from ml_core.errors import ArtifactError

FILE = "model.skops"
LIBRARY = "scikit-learn"

# Beyond what skops trusts by itself. Never taken from a file: whoever can write one could name anything.
TRUSTED_TYPES = ("sklearn.tree._tree.Tree",)


@dataclass(frozen=True, slots=True)
class _EstimatorPredictor:
    estimator: Any

    def predict(self, frame: pd.DataFrame) -> Outputs:
        values = self.estimator.predict(frame)
        if not hasattr(self.estimator, "predict_proba"):
            return Outputs(values.tolist())
        scores = self.estimator.predict_proba(frame).tolist()
        if len(self.estimator.classes_) == 2:
            return Outputs(values.tolist(), [row[1] for row in scores])
        names = [str(name) for name in self.estimator.classes_.tolist()]
        return Outputs(values.tolist(), None, [dict(zip(names, row, strict=True)) for row in scores])


def save(model: Any, path: Path) -> None:
    """Write a fitted estimator or pipeline."""
    import skops.io

    skops.io.dump(model, path)


def load(path: Path) -> _EstimatorPredictor:
    """Read an estimator; raise ``ArtifactError`` as ``load_estimator`` does."""
    return _EstimatorPredictor(load_estimator(path))


def load_estimator(path: Path) -> Any:
    """Return the estimator in a file; raise ``ArtifactError`` for a type not trusted, or a file that cannot be read."""
    import skops.io

    try:
        untrusted = sorted(set(skops.io.get_untrusted_types(file=path)) - set(TRUSTED_TYPES))
        if untrusted:
            raise ArtifactError(f"{path.name} holds types that are not trusted: {', '.join(untrusted)}")
        return skops.io.load(path, trusted=list(TRUSTED_TYPES))
    except ArtifactError:
        raise
    except Exception as error:
        raise unreadable(path, "skops", error) from error
