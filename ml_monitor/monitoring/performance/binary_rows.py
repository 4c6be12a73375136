"""The rows of a binary classifier: which truly are positive, which were predicted so, and their scores."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_monitor.monitoring.classes import encode, label_text, list_names, positive_class
from ml_monitor.monitoring.inputs import Column, Flags, Floats, as_numbers, is_missing, one_dimension
from ml_monitor.monitoring.performance import sampling
from ml_monitor.monitoring.performance.ranking import Ranking
from ml_monitor.monitoring.results import Undefined

_NO_SCORES = Undefined("no scores")
_NO_PROBABILITIES = Undefined("the scores are no probabilities: some lie outside 0 to 1")


class BinaryRows:
    """Rows with a truth. Metrics of labels use those with a predicted label, metrics of scores those with a score.

    ``trouble`` is the reason why no metric that needs to know the positive class has a value.
    """

    def __init__(self, truths: Column, values: Column, scores: Column | None = None, positive: object = None) -> None:
        """Prepare the rows; ``positive`` names the positive class, None leaves it to the names of the classes.

        Raises ``InvalidInput`` for arrays of unequal length or more than one dimension.
        """
        true = one_dimension("truths", truths)
        predicted = one_dimension("values", values, len(true))
        found = None if scores is None else as_numbers(one_dimension("scores", scores, len(true)))
        known = ~is_missing(true)
        self.labelled = int(np.count_nonzero(known))
        if self.labelled < len(true):
            true, predicted = true[known], predicted[known]
            found = None if found is None else found[known]
        self.absent = sampling.absence(len(known), self.labelled)
        self.trouble: Undefined | None = None
        self._scores = found
        self._has_label = ~is_missing(predicted)
        self._true, self._predicted = self._read(true, predicted, positive)

    @cached_property
    def confusion(self) -> tuple[int, int, int, int]:
        """How many rows are true positive, false positive, false negative and true negative."""
        both = int(np.count_nonzero(self._true & self._predicted))
        predicted = int(np.count_nonzero(self._predicted))
        actual = int(np.count_nonzero(self._true if self._has_label.all() else self._true & self._has_label))
        rows = int(np.count_nonzero(self._has_label))
        return both, predicted - both, actual - both, rows - predicted - actual + both

    @property
    def without_label(self) -> int:
        """How many rows have no predicted label."""
        return self.labelled - sum(self.confusion)

    @cached_property
    def scored(self) -> tuple[Flags, Floats]:
        """Whether a row is positive, and its score, of the rows that have a finite one."""
        if self._scores is None:
            return np.empty(0, dtype=np.bool_), np.empty(0)
        finite = np.isfinite(self._scores)
        return (self._true, self._scores) if finite.all() else (self._true[finite], self._scores[finite])

    @property
    def without_score(self) -> int:
        """How many rows have no finite score."""
        return self.labelled - len(self.scored[1])

    @cached_property
    def no_ranking(self) -> Undefined | None:
        """Why there is no metric of scores, None if there is."""
        if self.trouble is not None:
            return self.trouble
        return _NO_SCORES if self._scores is None or np.isnan(self._scores).all() else None

    @cached_property
    def no_probabilities(self) -> Undefined | None:
        """Why there is no metric of probabilities, None if there is."""
        if self.no_ranking is not None:
            return self.no_ranking
        scores = self.scored[1]
        return _NO_PROBABILITIES if len(scores) and (scores.min() < 0 or scores.max() > 1) else None

    @cached_property
    def ranking(self) -> Ranking:
        """The scores, sorted."""
        return Ranking(*self.scored)

    def _read(self, true: NDArray[Any], predicted: NDArray[Any], positive: object) -> tuple[Flags, Flags]:
        """Return which rows are positive in truth and which by prediction."""
        if (
            positive in (None, 1, "1")
            and self._has_label.all()
            and _is_zero_or_one(true)
            and _is_zero_or_one(predicted)
        ):
            return true == 1, predicted == 1  # what most models say, at a tenth of the cost
        labels = predicted[self._has_label]
        if true.dtype != labels.dtype:
            true, labels = true.astype(object), labels.astype(object)
        classes = encode("truths and values", np.concatenate([true, labels]))
        wanted = positive_class(classes.names) if positive is None else label_text(positive)
        place = 0  # without a positive class it still shows which labels are equal, which is all that accuracy asks
        names = set(classes.names)
        if isinstance(wanted, Undefined):
            self.trouble = wanted
        else:
            place = classes.names.index(wanted) if wanted in names else -1
            names.add(wanted)
        if len(names) > 2:
            self.absent = Undefined(f"more than two classes: {list_names(tuple(sorted(names)))}")
        flags = classes.codes == place
        predictions = np.zeros(len(true), dtype=np.bool_)
        predictions[self._has_label] = flags[len(true) :]
        return flags[: len(true)], predictions


def _is_zero_or_one(labels: NDArray[Any]) -> bool:
    return labels.dtype.kind in "biuf" and bool(((labels == 0) | (labels == 1)).all())
