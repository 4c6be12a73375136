"""XGBoost models in XGBoost's own format, as JSON: its reader of the binary form (UBJSON) can crash on a cut file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ml_core.artifacts.formats import Outputs, unreadable

FILE = "model.json"
LIBRARY = "xgboost-cpu"


@dataclass(frozen=True, slots=True)
class _BoosterPredictor:
    booster: Any

    def predict(self, frame: pd.DataFrame) -> Outputs:
        import xgboost

        values = self.booster.predict(xgboost.DMatrix(frame))
        return Outputs([float(value) for value in values])


def save(model: Any, path: Path) -> None:
    """Write a booster, or the booster of a fitted regressor of XGBoost's scikit-learn interface."""
    booster = model.get_booster() if hasattr(model, "get_booster") else model
    booster.save_model(path)


def load(path: Path) -> _BoosterPredictor:
    """Read a booster; raise ``ArtifactError`` if it cannot be read."""
    import xgboost

    booster = xgboost.Booster()
    try:
        booster.load_model(path)
    except Exception as error:
        raise unreadable(path, "XGBoost", error) from error
    return _BoosterPredictor(booster)
