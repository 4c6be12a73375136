"""Forecasters of ours as plain arrays (NumPy's ``.npz``), read without pickle."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ml_core.artifacts.formats import Outputs, unreadable
from ml_core.errors import ArtifactError

FILE = "forecaster.npz"
LIBRARY = "numpy"

_ANY_TIME = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ForecasterPredictor:
    """A loaded forecaster. Rows are the values of a series in order, and each is answered with the next one."""

    forecaster: Any
    step: timedelta

    def predict(self, frame: pd.DataFrame) -> Outputs:
        """Return what was to be expected after each row, from the rows up to it; raise ``InvalidInput``."""
        from ml_core.timeseries.series import Series

        values = frame.iloc[:, 0].to_numpy(dtype=np.float64)
        history = Series(_ANY_TIME, self.step, values)
        point = self.forecaster.forecast_at(history, np.arange(len(values))).point
        return Outputs([float(value) for value in point[:, 0]])


def save(model: Any, path: Path) -> None:
    """Write a fitted forecaster."""
    model.save(path)


def load(path: Path) -> ForecasterPredictor:
    """Read a forecaster; raise ``ArtifactError`` if it cannot be read, or is of a kind that is not known here."""
    from ml_core.forecasters.catalogue import make_forecaster

    try:
        with np.load(path, allow_pickle=False) as file:
            name, horizon = str(file["__name__"]), int(file["__horizon__"])
    except Exception as error:
        raise unreadable(path, "NumPy", error) from error
    try:
        forecaster = make_forecaster(name, horizon=horizon)
    except ValueError as error:
        raise ArtifactError(f"{path.name}: {error}: train anew") from None
    forecaster.load(path)
    return ForecasterPredictor(forecaster, timedelta(minutes=5))
