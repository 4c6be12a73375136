"""What a scorer of rows is. Scores have scikit-learn's sign here: negative, and the lower the more anomalous."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Scorer(Protocol):
    """Scores rows of finite numbers, each with as many as the model has features."""

    def score(self, vector: Sequence[float]) -> float:
        """Return the score of one row."""
        ...

    def scores(self, rows: Floats) -> Floats:
        """Return the scores of ``rows``, shape (rows, features)."""
        ...
