"""The confusion matrix: how often each true class was predicted as each class. scikit-learn's ``confusion_matrix``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml_monitor.monitoring.classes import encode
from ml_monitor.monitoring.inputs import Column, is_missing, one_dimension
from ml_monitor.monitoring.performance import sampling
from ml_monitor.monitoring.results import Undefined


@dataclass(frozen=True, slots=True)
class Confusion:
    """``counts`` has true classes as rows and predicted ones as columns, both in the order of ``labels``.

    ``left_out`` rows had a truth but no predicted label.
    """

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    left_out: int = 0


def confusion(truths: Column, values: Column) -> Confusion | Undefined:
    """Return the matrix of all classes that were seen, or why there is none.

    Raises ``InvalidInput`` for arrays of unequal length or more than one dimension.
    """
    rows = LabelRows(truths, values)
    if rows.absent is not None:
        return rows.absent
    if not rows.used:
        return sampling.NOTHING_USABLE
    return Confusion(rows.names, tuple(tuple(int(count) for count in row) for row in rows.matrix), rows.left_out)


class LabelRows:
    """Rows with a true and a predicted label, as places in ``names``, the classes that were seen."""

    def __init__(self, truths: Column, values: Column) -> None:
        """Prepare the rows; raise ``InvalidInput`` for arrays of unequal length or more than one dimension."""
        true = one_dimension("truths", truths)
        predicted = one_dimension("values", values, len(true))
        self.known = ~is_missing(true)
        usable = self.known & ~is_missing(predicted)
        true, predicted = true[usable], predicted[usable]
        if true.dtype != predicted.dtype:
            true, predicted = true.astype(object), predicted.astype(object)
        classes = encode("truths and values", np.concatenate([true, predicted]))
        self.names = classes.names
        self.used = len(true)
        size = len(self.names)
        cells = classes.codes[: self.used] * size + classes.codes[self.used :]
        self.matrix = np.bincount(cells, minlength=size * size).reshape(size, size)
        labelled = int(np.count_nonzero(self.known))
        self.left_out = labelled - self.used
        self.absent = sampling.absence(len(self.known), labelled)
