"""Duplicates: how many rows of a chunk are equal in all features to another row of it, beyond the first of each.

(rows - distinct rows) / rows. A client that sends twice, or a join that multiplied rows. Of columns with few values
many rows are equal by nature: compare with the reference's own share. Rows are told apart by a hash of 64 bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ml_monitor.monitoring.columns import Column
from ml_monitor.monitoring.quality.base import NO_ROWS, Statistics, share
from ml_monitor.monitoring.results import Measured, Metric, Undefined
from ml_monitor.monitoring.row_hashes import hash_rows


class Duplicates:
    """The share of surplus rows, 0..1; it takes all columns at once."""

    metric: ClassVar[Metric] = Metric("duplicates", "Duplicate rows", "lower_is_better", lowest=0.0, highest=1.0)

    def fit(self, reference: Mapping[str, Column]) -> dict[str, Any]:
        """Return the number of rows and of surplus ones, for thresholds; raise ``ValueError`` as ``measure`` does."""
        rows, surplus = _count(reference)
        return {"rows": rows, "duplicates": surplus}

    def measure(self, statistics: Statistics, current: Mapping[str, Column]) -> Measured:
        """Return the share in a chunk; raise ``ValueError`` if the columns are of unequal length."""
        rows, surplus = _count(current)
        return share(surplus, rows) if rows else Measured(Undefined(NO_ROWS))


def _count(columns: Mapping[str, Column]) -> tuple[int, int]:
    lengths = {len(column) for column in columns.values()}
    if len(lengths) > 1:
        raise ValueError(f"columns: expected one length, not {' and '.join(map(str, sorted(lengths)))}")
    if not lengths:
        return 0, 0
    hashes = hash_rows(columns[name] for name in sorted(columns))
    return len(hashes), len(hashes) - len(np.unique(hashes))
