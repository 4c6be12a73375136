"""Keras models in Keras' own format (.keras), read in safe mode: no lambda layers, no code from the file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ml_core.artifacts.formats import Outputs, unreadable

FILE = "model.keras"
LIBRARY = "keras"


@dataclass(frozen=True, slots=True)
class _KerasPredictor:
    network: Any

    def predict(self, frame: pd.DataFrame) -> Outputs:
        outputs = self.network.predict(frame.to_numpy(dtype="float32"), verbose=0)
        return Outputs([float(value) for value in outputs.reshape(len(frame), -1)[:, 0]])


def save(model: Any, path: Path) -> None:
    """Write a Keras model."""
    model.save(path)


def load(path: Path) -> _KerasPredictor:
    """Read a Keras model; raise ``ArtifactError`` if it cannot be read, or would run code."""
    import keras

    try:
        return _KerasPredictor(keras.saving.load_model(path, compile=False, safe_mode=True))
    except Exception as error:
        raise unreadable(path, "Keras", error) from error
