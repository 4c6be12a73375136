"""The confusion matrix, held to scikit-learn."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from ml_monitor.monitoring.performance.confusion import Confusion, confusion
from ml_monitor.monitoring.results import Undefined

LABELS = st.sampled_from(["cat", "dog", "eel"])


@given(st.lists(st.tuples(LABELS, LABELS), min_size=1))
def test_counts_are_scikit_learns(rows: list[tuple[str, str]]) -> None:
    truths, values = zip(*rows, strict=True)
    found = confusion(truths, values)
    assert isinstance(found, Confusion)
    labels = sorted({*truths, *values})
    # scikit-learn warns of a single class unless it is told of another.
    matrix = sklearn_metrics.confusion_matrix(truths, values, labels=[*labels, "fox"])[:-1, :-1]
    assert found.labels == tuple(labels)
    assert [list(row) for row in found.counts] == matrix.tolist()


def test_labels_of_any_type_are_compared_by_one_rule_and_stand_in_the_order_of_numbers() -> None:
    found = confusion([10, 9.0, "10", "x"], ["10", "9", 9, 10.0])
    assert found == Confusion(("9", "10", "x"), ((1, 0, 0), (1, 1, 0), (0, 1, 0)))


def test_rows_without_truth_do_not_count_and_those_without_a_label_are_left_out() -> None:
    assert confusion([1, None, 0, 1], [1, 1, None, 0]) == Confusion(("0", "1"), ((0, 0), (1, 1)), left_out=1)


@pytest.mark.parametrize(
    ("truths", "values", "reason"),
    [
        ([], [], "no rows"),
        ([None, None], [1, 0], "no ground truth"),
        ([1, 0], [None, None], "no row has all that the metric needs"),
    ],
)
def test_what_has_no_matrix_says_why(truths: Any, values: Any, reason: str) -> None:
    assert confusion(truths, values) == Undefined(reason)
