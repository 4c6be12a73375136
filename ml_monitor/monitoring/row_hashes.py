"""A 64-bit hash of each row over several columns: equal rows have equal hashes, whatever the order of rows.

Two different rows share a hash with a chance of 2**-64: among a million rows one pair in 37 million such tables.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_monitor.monitoring.columns import Column, NumberColumn

Hashes = NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def hash_rows(columns: Iterable[Column]) -> Hashes:
    """Return a hash for each row of the columns, which are of one length; their order counts, their names do not.

    A missing cell equals a missing cell only. Raises ``ValueError`` if there are no columns.
    """
    total: Hashes | None = None
    for column in columns:
        cells = _hash_cells(column)
        total = _mix(cells if total is None else cells ^ (total + _GOLDEN))
    if total is None:
        raise ValueError("columns: expected at least one")
    return total


def _hash_cells(column: Column) -> Hashes:
    if isinstance(column, NumberColumn):
        values = column.values + 0.0  # -0.0 equals 0.0 but has other bits
        values[np.isnan(values)] = np.nan  # of which there are many
        return values.view(np.uint64) ^ column.kinds.astype(np.uint64)
    hashes = pd.util.hash_array(np.array(column.labels, dtype=object), categorize=False)
    return np.append(hashes, np.uint64(0)).astype(np.uint64)[column.codes]


def _mix(hashes: Hashes) -> Hashes:
    """Spread each bit over all (the finalizer of SplitMix64)."""
    hashes = (hashes ^ (hashes >> np.uint64(30))) * _FIRST
    hashes = (hashes ^ (hashes >> np.uint64(27))) * _SECOND
    return hashes ^ (hashes >> np.uint64(31))
