"""What the PCA reconstruction error keeps of the reference: how each column becomes a number, and the components."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ml_monitor.monitoring.columns import CategoryColumn, Column, ColumnKind, NumberColumn, kind_of
from ml_monitor.monitoring.labels import count_labels

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Encoder:
    """Turns one column into standardised numbers.

    ``fill`` stands for what is missing; ``frequencies`` gives the number of each label, None for a column of numbers.
    """

    name: str
    fill: float
    centre: float
    scale: float
    frequencies: Mapping[str, float] | None = None

    @property
    def column_kind(self) -> ColumnKind:
        """The kind of column that it was fitted on."""
        return "number" if self.frequencies is None else "category"

    def label_values(self, labels: tuple[str, ...]) -> Floats:
        """Return the number of each label, at the end that of a missing one (code -1)."""
        frequencies = self.frequencies or {}
        return np.array([*(frequencies.get(label, 0.0) for label in labels), self.fill])

    def encode(self, column: Column, label_values: Floats | None) -> Floats:
        """Return the column standardised; raise ``ValueError`` if it is of another kind than the reference was."""
        if kind_of(column) != self.column_kind:
            raise ValueError(f"{self.name}: expected a column of kind {self.column_kind}, not {kind_of(column)}")
        if isinstance(column, NumberColumn):
            values = np.where(np.isfinite(column.values), column.values, self.fill)
        else:
            assert label_values is not None
            values = label_values[column.codes]
        values -= self.centre
        values /= self.scale
        return values


@dataclass(frozen=True, slots=True, eq=False)
class PcaStatistics:
    """One encoder for each column that can be used, and the main components as columns of a matrix."""

    kind: ClassVar[str] = "pca"
    encoders: tuple[Encoder, ...]
    components: Floats
    rows: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "kind": self.kind,
            "encoders": [
                {
                    "name": encoder.name,
                    "fill": encoder.fill,
                    "centre": encoder.centre,
                    "scale": encoder.scale,
                    "frequencies": None if encoder.frequencies is None else dict(encoder.frequencies),
                }
                for encoder in self.encoders
            ],
            "components": self.components.tolist(),
            "rows": self.rows,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> PcaStatistics:
        """Return what ``to_dict`` was made from."""
        encoders = tuple(Encoder(**encoder) for encoder in values["encoders"])
        components = np.array(values["components"], dtype=np.float64)
        return cls(encoders, components if encoders else np.zeros((0, 0)), values["rows"])


def fit_encoder(name: str, column: Column) -> Encoder | None:
    """Fit on a column; None if it holds no value, or values too large to be standardised."""
    if isinstance(column, CategoryColumn):
        return _fit_categories(name, column)
    known = column.known()
    if not len(known):
        return None
    mean = float(np.mean(known))
    # What is missing becomes the mean and so adds nothing to the sum, but counts among the rows.
    deviation = math.sqrt(float(np.sum((known - mean) ** 2)) / len(column))
    if not (math.isfinite(mean) and math.isfinite(deviation)):
        return None
    return Encoder(name, mean, mean, _scale(deviation, mean))


def _fit_categories(name: str, column: CategoryColumn) -> Encoder | None:
    counted = count_labels(column)
    if not counted.rows:
        return None
    rows = len(column)
    most_frequent = max(counted.counts, key=lambda label: counted.counts[label])  # the first by name of several
    counts = dict(counted.counts)
    counts[most_frequent] += rows - counted.rows
    shares = np.array(list(counts.values()), dtype=np.float64) / rows
    pooled = counted.pooled / rows  # labels too rare to be kept are encoded as 0, as unseen ones are
    mean = float(np.sum(shares * shares))
    deviation = math.sqrt(float(np.sum(shares * (shares - mean) ** 2)) + pooled * mean**2)
    frequencies = {label: count / rows for label, count in counts.items()}
    return Encoder(name, frequencies[most_frequent], mean, _scale(deviation, mean), frequencies)


def _scale(deviation: float, mean: float) -> float:
    """Return what to divide by: 1 for a column that is constant but for rounding."""
    return deviation if deviation > 10 * np.finfo(np.float64).eps * abs(mean) else 1.0
