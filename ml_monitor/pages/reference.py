"""The reference sample of a version: what its predictions looked like on held-out rows, and so what is normal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_core.artifacts.folders import read_reference
from ml_core.errors import ArtifactError
from ml_core.records import Feature
from ml_monitor.formatting import label_of

_OUTCOMES = ("value", "score", "truth")
_MOST_LABELS = 64


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """What the pages need of a reference sample.

    ``labels`` are the distinct values and truths in order, empty if there are too many to be classes; ``example`` is a
    row of features in the middle of the sample.
    """

    values: NDArray[Any]
    labels: tuple[str, ...]
    example: Mapping[str, Feature]


@lru_cache(maxsize=64)
def load_reference(folder: Path, sha256: str) -> Reference:
    """Read the sample of an artifact once per process: its hash vouches that it cannot change.

    Raises ``ArtifactError`` if the files are missing, damaged or without values.
    """
    frame = read_reference(folder, sha256)
    if "value" not in frame.columns or frame.empty:
        raise ArtifactError(f"{folder.name}: the reference sample holds no values")
    return Reference(
        values=frame["value"].dropna().to_numpy(),
        labels=_labels(frame),
        example={str(name): _middle(column) for name, column in frame.items() if name not in _OUTCOMES},
    )


def _labels(frame: pd.DataFrame) -> tuple[str, ...]:
    outcomes = {value for name in ("value", "truth") if name in frame.columns for value in frame[name].dropna()}
    if len(outcomes) > _MOST_LABELS:
        return ()
    if any(isinstance(outcome, str) for outcome in outcomes):
        return tuple(sorted(label_of(outcome) for outcome in outcomes))
    return tuple(label_of(outcome) for outcome in sorted(outcomes))


def _middle(column: pd.Series[Any]) -> Feature:
    """Return a value of the column that is ordinary: the lower median of numbers, else the most frequent."""
    known = column.dropna()
    if known.empty:
        return None
    if pd.api.types.is_numeric_dtype(known) and not pd.api.types.is_bool_dtype(known):
        middle = float(known.quantile(0.5, interpolation="lower"))
        return int(middle) if pd.api.types.is_integer_dtype(known) else float(f"{middle:.6g}")
    common = known.mode().iloc[0]
    return bool(common) if isinstance(common, (bool, np.bool_)) else str(common)
