"""The formats in which a model's files are kept. None of them runs code from the file when it is read.

A loaded model is a ``Predictor``: rows in, values out, whatever library made it. The libraries are imported by the
format that needs them, when it is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from ml_core.errors import ArtifactError

FORMATS = ("skops", "xgboost", "keras", "isolation_forest", "forecaster", "windowed_network")


@dataclass(frozen=True, slots=True)
class Outputs:
    """What a model answers for some rows: a value a row, and the score behind each where there is one.

    ``scores_by_class`` are the probabilities of a classifier of several classes, a mapping a row.
    """

    values: Sequence[float | str]
    scores: Sequence[float] | None = None
    scores_by_class: Sequence[Mapping[str, float]] | None = None


class Predictor(Protocol):
    """A loaded model."""

    def predict(self, frame: pd.DataFrame) -> Outputs:
        """Return the outputs for the rows of ``frame``, whose columns are the version's features in order."""
        ...


class Format(Protocol):
    """A module of this package named ``<name>_format``."""

    FILE: str
    LIBRARY: str

    def save(self, model: Any, path: Path) -> None:
        """Write the model to ``path``."""
        ...

    def load(self, path: Path) -> Predictor:
        """Read the model; raise ``ArtifactError``."""
        ...


def get_format(name: str) -> Format:
    """Return the module of a format; raise ``ArtifactError`` for an unknown name."""
    if name not in FORMATS:
        raise ArtifactError(f"unknown artifact format {name!r}; expected one of {', '.join(FORMATS)}")
    return import_module(f"ml_core.artifacts.{name}_format")


def unreadable(path: Path, library: str, error: Exception) -> ArtifactError:
    """Return the error for a file that a library cannot read, with the first line of what it says.

    Formats catch every ``Exception`` for it: what a damaged file makes their libraries raise is no fixed list.
    """
    lines = str(error).strip().splitlines()
    return ArtifactError(f"{path.name} cannot be read by {library}: {lines[0] if lines else type(error).__name__}")
