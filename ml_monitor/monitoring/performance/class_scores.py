"""The probabilities that a classifier gave to each of several classes, beside the class that was true."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_monitor.monitoring.classes import encode, label_text
from ml_monitor.monitoring.inputs import Flags, Floats, as_numbers, is_missing, refused
from ml_monitor.monitoring.performance.ranking import Ranking
from ml_monitor.monitoring.results import Undefined

_NOT_ONE = Undefined("the scores are no probabilities: of some row they do not sum to 1")
_OUTSIDE = Undefined("the scores are no probabilities: some lie outside 0 to 1")
_TOLERANCE = 0.01  # for probabilities that were rounded to two or three digits before they were logged


class ClassScores:
    """Rows whose truth is one of the classes, with a finite score for each class; ``left_out`` lack one or the other.

    ``scores`` has a column for each of ``names``, ``true`` is the column of the class that was true.
    """

    def __init__(self, truths: NDArray[Any], table: pd.DataFrame) -> None:
        """Prepare the rows; raise ``InvalidInput`` for another number of rows or a class that has two columns."""
        if len(table) != len(truths):
            raise refused("scores", f"as many rows as there are truths ({len(truths)}), not {len(table)}")
        self.names = tuple(label_text(column) for column in table.columns)
        if len(set(self.names)) < len(self.names):
            raise refused("scores", "one column for each class")
        known = ~is_missing(truths)
        classes = encode("truths", truths[known])
        places = {name: place for place, name in enumerate(self.names)}
        column_of_code = np.array([places.get(name, -1) for name in classes.names], dtype=np.int64)
        columns = np.full(len(truths), -1, dtype=np.int64)
        columns[known] = column_of_code[classes.codes]
        scores = np.empty((len(truths), len(self.names)))
        for place in range(len(self.names)):
            scores[:, place] = as_numbers(table.iloc[:, place].to_numpy())
        usable = (columns >= 0) & np.isfinite(scores).all(axis=1)
        self.true = columns[usable]
        self.scores: Floats = scores[usable]
        self.rows = len(self.true)
        self.left_out = int(np.count_nonzero(known)) - self.rows

    @cached_property
    def no_probabilities(self) -> Undefined | None:
        """Why the scores are no probabilities, None if they are."""
        if not self.rows:
            return None
        if self.scores.min() < 0 or self.scores.max() > 1:
            return _OUTSIDE
        return _NOT_ONE if np.abs(self.scores.sum(axis=1) - 1).max() > _TOLERANCE else None

    def probabilities_of_truth(self) -> Floats:
        """Return the probability that each row's true class was given."""
        return self.scores[np.arange(self.rows), self.true]

    def confidences(self) -> tuple[Flags, Floats]:
        """Return whether each row's likeliest class was the true one, and the probability that it was given."""
        likeliest = self.scores.argmax(axis=1)
        return likeliest == self.true, self.scores[np.arange(self.rows), likeliest]

    def squared_distances(self) -> Floats:
        """Return, for each row, the sum over classes of the squared distance of its probability from the truth."""
        of_truth = self.probabilities_of_truth()
        distances: Floats = np.einsum("ij,ij->i", self.scores, self.scores) + 1 - 2 * of_truth
        return distances

    def one_against_the_rest(self) -> list[Ranking]:
        """Return a ranking by the score of each class that occurs but is not the only one."""
        counts = np.bincount(self.true, minlength=len(self.names))
        present = np.flatnonzero((counts > 0) & (counts < self.rows))
        return [Ranking(self.true == place, self.scores[:, place]) for place in present]
