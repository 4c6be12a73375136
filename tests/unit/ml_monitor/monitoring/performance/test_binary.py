"""Metrics of a binary classifier, held to scikit-learn; and what they say where there is no value."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from ml_core.errors import InvalidInput
from ml_monitor.monitoring.performance.catalogue import METRICS, measure
from ml_monitor.monitoring.results import Measured, Undefined
from tests.closeness import close

LABELS = st.integers(0, 1)
SCORES = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.25, 0.5, 1.0]))
ROWS = st.lists(st.tuples(LABELS, LABELS, SCORES), min_size=1, max_size=60)
Row = tuple[int, int, float]
OF_LABELS = ("accuracy", "precision", "recall", "f1")
OF_SCORES = ("roc_auc", "average_precision", "log_loss", "brier", "ece")

SKLEARN: dict[str, Callable[..., float]] = {
    "accuracy": lambda truths, values, scores: sklearn_metrics.accuracy_score(truths, values),
    "precision": lambda truths, values, scores: sklearn_metrics.precision_score(truths, values),
    "recall": lambda truths, values, scores: sklearn_metrics.recall_score(truths, values),
    "f1": lambda truths, values, scores: sklearn_metrics.f1_score(truths, values),
    "roc_auc": lambda truths, values, scores: sklearn_metrics.roc_auc_score(truths, scores),
    "average_precision": lambda truths, values, scores: sklearn_metrics.average_precision_score(truths, scores),
    "log_loss": lambda truths, values, scores: sklearn_metrics.log_loss(truths, scores, labels=[0, 1]),
    "brier": lambda truths, values, scores: float(np.mean((np.array(scores) - np.array(truths)) ** 2)),
}


def undefined(truths: Any, values: Any) -> dict[str, str]:
    """Return the reasons that must be given, by metric."""
    reasons: dict[str, str] = {}
    if len(set(truths)) == 1:
        reasons |= dict.fromkeys(["roc_auc", "average_precision"], "one class only")
    if not any(values):
        reasons["precision"] = "nothing was predicted positive"
    if not any(truths):
        reasons["recall"] = "nothing is truly positive"
    if not any(truths) and not any(values):
        reasons["f1"] = "nothing is or was predicted positive"
    return reasons


@given(ROWS)
def test_metrics_are_scikit_learns_where_it_does_not_warn(rows: list[Row]) -> None:
    truths, values, scores = zip(*rows, strict=True)
    found = measure("binary", truths, values, scores)
    reasons = undefined(truths, values)
    for name, theirs in SKLEARN.items():
        if name in reasons:
            assert found[name].value == Undefined(reasons[name])
        else:
            assert found[name].value == close(theirs(truths, values, scores))
    assert {(metric.rows, metric.left_out) for metric in found.values()} == {(len(rows), 0)}


@pytest.mark.parametrize("seed", range(30))
def test_metrics_of_many_rows_with_ties_and_rare_classes_are_scikit_learns(seed: int) -> None:
    generator = np.random.default_rng(seed)
    rows = int(generator.integers(20, 5000))
    truths = (generator.random(rows) < generator.choice([0.005, 0.1, 0.5, 0.9])).astype(float)
    truths[:2] = 0.0, 1.0
    scores = np.round(generator.beta(1 + truths, 2), int(generator.integers(1, 16)))
    values = (scores > 0.3).astype(float)
    values[2] = 1.0
    found = measure("binary", truths, values, scores)
    for name, theirs in SKLEARN.items():
        assert found[name].value == close(theirs(truths, values, scores))


@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(rows: list[Row], random: Any) -> None:
    one = measure("binary", *zip(*rows, strict=True))
    other = measure("binary", *zip(*random.sample(rows, len(rows)), strict=True))
    for name, found in one.items():
        assert other[name].value == close(found.value)
        assert other[name].standard_error == close(found.standard_error, 1e-6)


@given(ROWS)
def test_the_order_metrics_do_not_change_when_scores_are_stretched(rows: list[Row]) -> None:
    truths, values, scores = zip(*rows, strict=True)
    names = ["roc_auc", "average_precision"]
    ranks = np.searchsorted(np.unique(scores), scores).astype(float)
    assert measure("binary", truths, values, ranks, names) == measure("binary", truths, values, scores, names)


@given(ROWS)
def test_exchanging_the_classes_mirrors_the_auc(rows: list[Row]) -> None:
    truths, values, scores = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    one = measure("binary", truths, values, scores, ["roc_auc"])["roc_auc"]
    other = measure("binary", 1 - truths, values, -scores, ["roc_auc"])["roc_auc"]
    assert other.value == close(one.value)
    if 1 < sum(truths) < len(truths) - 1 and len(set(scores)) > 1 and one.value not in (0.0, 1.0):
        assert other.standard_error == close(one.standard_error)  # DeLong's; that of Hanley and McNeil has two sides


# Labels


@pytest.mark.parametrize(
    ("truths", "values", "positive"),
    [
        (["1", "0", "1", "0"], [1.0, 1.0, 0.0, 0.0], None),
        ([True, False, True, False], ["1", "1.0", "0", "0"], None),
        ([1, -1, 1, -1], [1.0, 1.0, -1.0, -1.0], None),
        (["yes", "no", "yes", "no"], ["yes", "yes", "no", "no"], None),
        (["fraud", "ok", "fraud", "ok"], ["fraud", "fraud", "ok", "ok"], "fraud"),
        ([0, 1, 0, 1], [0, 0, 1, 1], 0),
        ([0, 1, 0, 1], [0, 0, 1, 1], "0.0"),
        ([2.0, 1.0, 2.0, 1.0], ["2", "2", "1", "1"], 2),
        (pd.Series(["a", "b", "a", "b"], dtype="category"), ["a", "a", "b", "b"], "a"),
    ],
)
def test_labels_of_any_type_are_compared_by_one_rule(truths: Any, values: Any, positive: object) -> None:
    found = measure("binary", truths, values, [0.9, 0.8, 0.4, 0.1], positive=positive)
    assert found == measure("binary", [1, 0, 1, 0], [1, 1, 0, 0], [0.9, 0.8, 0.4, 0.1])


def test_without_a_known_positive_class_only_accuracy_has_a_value() -> None:
    found = measure("binary", ["ham", "spam", "ham"], ["ham", "ham", "ham"], [0.1, 0.9, 0.2])
    assert found["accuracy"].value == close(2 / 3)
    reason = Undefined("the positive class is not known among ham, spam")
    assert {metric.value for name, metric in found.items() if name != "accuracy"} == {reason}


def test_a_positive_class_that_no_row_has_is_never_met() -> None:
    found = measure("binary", ["ok", "ok"], ["ok", "ok"], [0.1, 0.2], positive="fraud")
    assert found["accuracy"].value == 1.0
    assert found["recall"].value == Undefined("nothing is truly positive")
    assert found["roc_auc"].value == Undefined("one class only")


@pytest.mark.parametrize("positive", [None, "a"])
def test_three_classes_are_no_binary_truth(positive: object) -> None:
    found = measure("binary", ["a", "b"], ["c", "a"], positive=positive)
    assert {metric.value for metric in found.values()} == {Undefined("more than two classes: a, b, c")}


# Rows that lack something


def test_rows_without_truth_do_not_count_and_missing_labels_and_scores_are_counted_where_they_matter() -> None:
    truths = [1, 0, None, 1, 0, 1]
    values = [1, None, 1, 0, 0, 1]
    scores = [0.9, 0.2, 0.9, math.nan, math.inf, 0.4]
    found = measure("binary", truths, values, scores)
    assert {(found[name].rows, found[name].left_out) for name in OF_LABELS} == {(4, 1)}
    assert {(found[name].rows, found[name].left_out) for name in OF_SCORES} == {(3, 2)}
    assert found["accuracy"].value == 0.75
    assert found["roc_auc"].value == 1.0


@pytest.mark.parametrize("scores", [None, [math.nan, math.nan]])
def test_a_model_without_scores_has_no_metrics_of_scores(scores: Any) -> None:
    found = measure("binary", [0, 1], [0, 1], scores)
    assert {found[name].value for name in OF_SCORES} == {Undefined("no scores")}
    assert found["accuracy"].value == 1.0


def test_scores_that_are_no_probabilities_are_only_ranked() -> None:
    found = measure("binary", [0, 1, 1], [0, 1, 1], [-3.0, 5.0, 0.5])
    assert found["roc_auc"].value == 1.0
    for name in ("log_loss", "brier", "ece"):
        assert found[name].value == Undefined("the scores are no probabilities: some lie outside 0 to 1")


@pytest.mark.parametrize(
    ("truths", "values", "scores", "reason"),
    [
        ([], [], [], "no rows"),
        ([None, math.nan], [1, 0], [0.5, 0.5], "no ground truth"),
    ],
)
def test_a_chunk_with_nothing_to_judge_says_why(truths: Any, values: Any, scores: Any, reason: str) -> None:
    assert {metric.value for metric in measure("binary", truths, values, scores).values()} == {Undefined(reason)}


def test_truths_whose_rows_lack_all_else_say_so() -> None:
    found = measure("binary", [0, 1], [None, None], [math.inf, math.nan])
    assert found["accuracy"] == Measured(Undefined("no row has all that the metric needs"), None, 0, 2)
    assert found["roc_auc"] == Measured(Undefined("no row has all that the metric needs"), None, 0, 2)
    assert found["ece"] == Measured(Undefined("no row has all that the metric needs"), None, 0, 2)


def test_a_chunk_without_a_mistake_does_not_claim_certainty() -> None:
    found = measure("binary", [0, 1, 0, 1], [0, 1, 0, 1], [0.1, 0.9, 0.2, 0.8])
    for name in (*OF_LABELS, "roc_auc"):
        assert found[name].value == 1.0
        error = found[name].standard_error
        assert error is not None
        assert 0.1 < error < 0.5


@given(
    st.lists(
        st.tuples(st.sampled_from([0, 1, "1", None]), st.sampled_from([0.0, 1, True, None, math.nan]), st.floats())
    )
)
def test_whatever_comes_no_result_is_nan_or_beyond_its_limits(rows: list[tuple[Any, Any, float]]) -> None:
    columns: list[list[Any]] = [[row[place] for row in rows] for place in range(3)]
    found = measure("binary", columns[0], columns[1], columns[2])
    assert list(found) == [metric.name for metric in METRICS["binary"]]
    for metric in METRICS["binary"]:
        value, error = found[metric.name].value, found[metric.name].standard_error
        assert error is None or (math.isfinite(error) and error >= 0)
        if isinstance(value, float):
            assert metric.lowest is None or value >= metric.lowest
            assert metric.highest is None or value <= metric.highest


def test_several_scores_a_row_are_refused() -> None:
    with pytest.raises(InvalidInput, match="scores: expected one dimension, not 2"):
        measure("binary", [0, 1], [0, 1], pd.DataFrame({"0": [0.5, 0.5], "1": [0.5, 0.5]}))
