"""PCA reconstruction error: how badly the reference's main components describe the rows of a chunk.

Missing numbers become the reference's mean, missing categories its most frequent one; a category becomes its frequency
in the reference, 0 if unseen there; all is standardised by the reference's mean and standard deviation (by n). Of the
principal components as many are kept as are needed for more than 0.65 of the variance. The value is the mean over rows
of the length of what they leave unexplained, with its standard error. Definition as in NannyML's data reconstruction.

Use it for what changes only between columns: a correlation that breaks leaves each column alone unmoved. It has no
ideal value, only the reference's own. It goes through the rows in blocks, so that memory does not grow with them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ml_monitor.monitoring.columns import CategoryColumn, Column
from ml_monitor.monitoring.drift.base import TOO_LARGE, TableMethod
from ml_monitor.monitoring.drift.pca_statistics import Encoder, PcaStatistics, fit_encoder
from ml_monitor.monitoring.results import Measured, Metric, Undefined

Floats = NDArray[np.float64]

SHARE_OF_VARIANCE = 0.65
BLOCK_ROWS = 4_096


@dataclass(frozen=True, slots=True)
class PcaReconstruction(TableMethod[PcaStatistics]):
    """The mean length of the unexplained part, in standard deviations; 0 or more."""

    metric: ClassVar[Metric] = Metric("pca_reconstruction", "PCA reconstruction error", "lower_is_better", lowest=0.0)
    ideal: ClassVar[float | None] = None

    share_of_variance: float = SHARE_OF_VARIANCE

    def _fit(self, reference: Mapping[str, Column]) -> PcaStatistics:
        encoders = [
            encoder for name, column in sorted(reference.items()) if (encoder := fit_encoder(name, column)) is not None
        ]
        if not encoders:
            return PcaStatistics((), np.zeros((0, 0)), 0)
        rows, scatter = 0, np.zeros((len(encoders), len(encoders)))
        for block in _blocks(encoders, reference):
            rows += len(block)
            scatter += block.T @ block
        variances, directions = np.linalg.eigh(scatter)
        variances, directions = variances[::-1], directions[:, ::-1]
        total = variances.sum()
        explained = np.cumsum(variances) / (total if total > 0 else 1.0)
        kept = int(np.searchsorted(explained, self.share_of_variance, side="right")) + 1
        return PcaStatistics(tuple(encoders), np.ascontiguousarray(directions[:, :kept]), rows)

    def _needs(self, statistics: PcaStatistics) -> list[str]:
        return [encoder.name for encoder in statistics.encoders]

    def _measure(self, statistics: PcaStatistics, current: Mapping[str, Column]) -> Measured:
        components = statistics.components
        lengths = np.concatenate(
            [
                np.linalg.norm(block - (block @ components) @ components.T, axis=1)
                for block in _blocks(statistics.encoders, current)
            ]
        )
        rows, mean = len(lengths), float(np.mean(lengths))
        if not np.isfinite(mean):
            return Measured(Undefined(TOO_LARGE), rows=rows)
        error = float(np.std(lengths, ddof=1)) / rows**0.5 if rows > 1 else None
        return Measured(mean, error, rows)


def _blocks(encoders: tuple[Encoder, ...] | list[Encoder], columns: Mapping[str, Column]) -> Iterator[Floats]:
    """Yield the rows as standardised numbers, one column for each encoder."""
    chosen = [columns[encoder.name] for encoder in encoders]
    tables = [
        encoder.label_values(column.labels) if isinstance(column, CategoryColumn) else None
        for encoder, column in zip(encoders, chosen, strict=True)
    ]
    for start in range(0, len(chosen[0]), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        block = np.empty((len(chosen[0][rows]), len(chosen)))
        for place, (encoder, column, table) in enumerate(zip(encoders, chosen, tables, strict=True)):
            block[:, place] = encoder.encode(column[rows], table)
        yield block
