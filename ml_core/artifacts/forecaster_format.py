"""Forecasters of ours as plain arrays (NumPy's ``.npz``), read without pickle, and with them the errors of their trial.

The errors were made on values that the forecaster had not seen. Those it would make on what it was fitted on are smaller,
so they cannot be had later.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_core.artifacts.formats import Outputs, unreadable
from ml_core.errors import ArtifactError

FILE = "forecaster.npz"
ERRORS_FILE = "errors.npy"
LIBRARY = "numpy"

_ANY_TIME, _ANY_STEP = datetime(1970, 1, 1, tzinfo=UTC), timedelta(minutes=5)


@dataclass(frozen=True, slots=True, eq=False)
class TriedForecaster:
    """A fitted forecaster, and what came minus what it had said in its trial, ``(origins, horizon)``, oldest first."""

    forecaster: Any
    errors: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class ForecasterPredictor:
    """A loaded forecaster. Rows are the values of a series in order, and each is answered with the next one."""

    forecaster: Any
    errors: NDArray[np.float64]

    def predict(self, frame: pd.DataFrame) -> Outputs:
        """Return what was to be expected after each row, from the rows up to it; raise ``InvalidInput``."""
        from ml_core.timeseries.series import Series

        values = frame.iloc[:, 0].to_numpy(dtype=np.float64)
        history = Series(_ANY_TIME, _ANY_STEP, values)
        point = self.forecaster.forecast_at(history, np.arange(len(values))).point
        return Outputs([float(value) for value in point[:, 0]])


def save(model: Any, path: Path) -> None:
    """Write a ``TriedForecaster``."""
    model.forecaster.save(path)
    np.save(path.with_name(ERRORS_FILE), model.errors, allow_pickle=False)


def load(path: Path) -> ForecasterPredictor:
    """Read a forecaster; raise ``ArtifactError`` if it cannot be read, or is of a kind that is not known here."""
    from ml_core.forecasters.catalogue import make_forecaster

    try:
        with np.load(path, allow_pickle=False) as file:
            name, horizon = str(file["__name__"]), int(file["__horizon__"])
        errors = np.load(path.with_name(ERRORS_FILE), allow_pickle=False)
    except Exception as error:
        raise unreadable(path, "NumPy", error) from error
    try:
        forecaster = make_forecaster(name, horizon=horizon)
    except ValueError as error:
        raise ArtifactError(f"{path.name}: {error}: train anew") from None
    forecaster.load(path)
    return ForecasterPredictor(forecaster, errors)
