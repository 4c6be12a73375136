"""Scores, held to scikit-learn."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from ml_core import scores

# Magnitudes at which the order of a sum does not matter within the tolerance.
NUMBERS = st.floats(-1e6, 1e6).map(lambda number: round(number, 3))
LABELS = st.sampled_from(["cat", "dog", "eel"])


def pairs(
    truths: st.SearchStrategy[Any], values: st.SearchStrategy[Any], least: int = 1
) -> st.SearchStrategy[tuple[list[Any], list[Any]]]:
    """Return lists of equal length."""
    rows = st.lists(st.tuples(truths, values), min_size=least, max_size=50)
    return rows.map(lambda found: ([truth for truth, _ in found], [value for _, value in found]))


def close(value: float) -> Any:
    return pytest.approx(value, rel=1e-9, abs=1e-9)


def confusion_matrix(truths: list[Any], values: list[Any], never_seen: Any) -> list[list[int]]:
    """Return scikit-learn's, which warns of a single class unless it is told of another."""
    labels = [*sorted({*truths, *values}), never_seen]
    matrix: list[list[int]] = sklearn_metrics.confusion_matrix(truths, values, labels=labels)[:-1, :-1].tolist()
    return matrix


# Held to scikit-learn


@given(pairs(NUMBERS, NUMBERS))
def test_errors_of_numbers_are_scikit_learns(pair: tuple[list[float], list[float]]) -> None:
    assert scores.mean_squared_error(*pair) == close(sklearn_metrics.mean_squared_error(*pair))
    assert scores.mean_absolute_error(*pair) == close(sklearn_metrics.mean_absolute_error(*pair))


@given(pairs(NUMBERS, NUMBERS, least=2))
def test_r2_is_scikit_learns(pair: tuple[list[float], list[float]]) -> None:
    assume(len(set(pair[0])) > 1)
    assert scores.r2_score(*pair) == close(sklearn_metrics.r2_score(*pair))


@given(pairs(LABELS, LABELS))
def test_scores_of_text_labels_are_scikit_learns(pair: tuple[list[str], list[str]]) -> None:
    assert scores.accuracy_score(*pair) == close(sklearn_metrics.accuracy_score(*pair))
    assert scores.confusion_matrix(*pair) == confusion_matrix(*pair, never_seen="fox")


@given(pairs(st.integers(0, 1), st.integers(0, 1)))
def test_scores_of_binary_labels_are_scikit_learns(pair: tuple[list[int], list[int]]) -> None:
    assert scores.accuracy_score(*pair) == close(sklearn_metrics.accuracy_score(*pair))
    assert scores.confusion_matrix(*pair) == confusion_matrix(*pair, never_seen=2)
    for ours, theirs in (
        (scores.precision_score, sklearn_metrics.precision_score),
        (scores.recall_score, sklearn_metrics.recall_score),
    ):
        assert ours(*pair) == close(theirs(*pair, zero_division=0.0))


@given(pairs(LABELS, LABELS))
def test_precision_and_recall_of_one_class_among_several_are_scikit_learns(pair: tuple[list[str], list[str]]) -> None:
    expected = {"labels": ["dog"], "average": "micro", "zero_division": 0.0}
    assert scores.precision_score(*pair, positive="dog") == close(sklearn_metrics.precision_score(*pair, **expected))
    assert scores.recall_score(*pair, positive="dog") == close(sklearn_metrics.recall_score(*pair, **expected))


@given(pairs(st.integers(0, 1), st.one_of(st.floats(0, 1), st.sampled_from([0.0, 1.0]))))
def test_log_loss_is_scikit_learns_also_for_hard_labels(pair: tuple[list[int], list[float]]) -> None:
    assert scores.log_loss(*pair) == close(sklearn_metrics.log_loss(*pair, labels=[0, 1]))


@given(pairs(st.integers(0, 1), st.one_of(NUMBERS, st.sampled_from([0.0, 0.5, 1.0]))))
def test_roc_auc_is_scikit_learns_also_with_ties(pair: tuple[list[int], list[float]]) -> None:
    assume(len(set(pair[0])) == 2)
    assert scores.roc_auc_score(*pair) == close(sklearn_metrics.roc_auc_score(*pair))


def test_scores_of_many_rows_are_scikit_learns() -> None:
    generator = np.random.default_rng(7)
    truths = generator.normal(1e6, 1e3, 20_000)
    values = truths + generator.normal(0, 10, 20_000)
    assert scores.mean_squared_error(truths, values) == close(sklearn_metrics.mean_squared_error(truths, values))
    assert scores.r2_score(truths, values) == close(sklearn_metrics.r2_score(truths, values))
    labels = (generator.random(20_000) < 0.01).astype(int)
    chances = np.round(generator.random(20_000), 2)
    assert scores.log_loss(labels, chances) == close(sklearn_metrics.log_loss(labels, chances))
    assert scores.roc_auc_score(labels, chances) == close(sklearn_metrics.roc_auc_score(labels, chances))


# Edges


@pytest.mark.parametrize("constant", [5.0, 0.1, 1 / 3, 1e100, -0.0])
def test_r2_of_a_constant_target_is_one_if_it_is_met_and_else_zero(constant: float) -> None:
    target = [constant] * 3
    assert scores.r2_score(target, target) == 1.0
    assert scores.r2_score(target, [constant, constant, constant + 1 + abs(constant) / 100]) == 0.0


def test_r2_of_targets_too_close_to_square_their_distance_is_that_of_a_constant() -> None:
    assert scores.r2_score([0.0, 1e-200], [0.0, 1e-200]) == 1.0
    assert scores.r2_score([0.0, 1e-200], [0.0, 1.0]) == 0.0


def test_r2_of_one_value_is_refused() -> None:
    with pytest.raises(ValueError, match="fewer than two"):
        scores.r2_score([1.0], [1.0])


@pytest.mark.parametrize("only", [0, 1])
def test_roc_auc_of_one_class_is_refused(only: int) -> None:
    with pytest.raises(ValueError, match="one class only"):
        scores.roc_auc_score([only] * 3, [0.1, 0.2, 0.3])


@pytest.mark.parametrize(("values", "expected"), [([0.5] * 4, 0.5), ([1, 2, 3, 4], 1.0), ([4, 3, 2, 1], 0.0)])
def test_roc_auc_is_one_for_the_right_order_a_half_for_none_and_zero_for_the_wrong_one(
    values: list[float], expected: float
) -> None:
    assert scores.roc_auc_score([0, 0, 1, 1], values) == expected


def test_a_hard_label_that_is_wrong_costs_about_36() -> None:
    assert scores.log_loss([1], [0.0]) == pytest.approx(-math.log(np.finfo(np.float64).eps))
    assert scores.log_loss([1], [1.0]) == pytest.approx(0.0, abs=1e-15)


@pytest.mark.parametrize("only", [0, 1])
def test_log_loss_of_one_class_is_defined(only: int) -> None:
    assert scores.log_loss([only] * 2, [0.25, 0.25]) == pytest.approx(-math.log(0.25 if only else 0.75))


def test_precision_and_recall_are_zero_where_there_is_nothing_to_count() -> None:
    assert scores.precision_score([0, 1], [0, 0]) == 0.0
    assert scores.recall_score([0, 0], [0, 1]) == 0.0


def test_a_confusion_matrix_has_true_classes_as_rows_in_sorted_order_of_all_that_were_seen() -> None:
    assert scores.confusion_matrix(["b", "b", "a"], ["b", "c", "c"]) == [[0, 0, 1], [0, 1, 1], [0, 0, 0]]
    assert scores.confusion_matrix([1, 1], [1, 1]) == [[2]]


ALL = [
    scores.mean_squared_error,
    scores.mean_absolute_error,
    scores.r2_score,
    scores.accuracy_score,
    scores.confusion_matrix,
    scores.precision_score,
    scores.recall_score,
    scores.log_loss,
    scores.roc_auc_score,
]


@pytest.mark.parametrize("score", ALL)
def test_no_score_is_given_for_nothing(score: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match=r"at least one value|fewer than two"):
        score([], [])


@pytest.mark.parametrize("score", ALL)
@pytest.mark.parametrize(
    ("truths", "values"), [([1, 0], [1]), ([[1, 0]], [[1, 0]]), (1, 1), ([1, 0], [[1, 0], [0, 1]])]
)
def test_arrays_of_different_shape_are_refused_with_their_shapes(
    score: Callable[..., Any], truths: Any, values: Any
) -> None:
    with pytest.raises(ValueError, match="equal length"):
        score(truths, values)


@pytest.mark.parametrize("score", [score for score in ALL if score is not scores.confusion_matrix])
def test_a_score_is_a_plain_float(score: Callable[..., Any]) -> None:
    assert type(score(np.array([0, 1, 1, 0]), np.array([0.1, 0.9, 0.4, 0.3]))) is float
