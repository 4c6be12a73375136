"""Metrics of several classes, held to scikit-learn; and what they say where there is no value."""

from __future__ import annotations

import math
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

CLASSES = ["cat", "dog", "eel", "fox"]
LABELS = st.sampled_from(CLASSES)
ROWS = st.lists(st.tuples(LABELS, LABELS), min_size=1, max_size=60)
OF_LABELS = ["accuracy", "precision", "recall", "f1"]


def a_table(rows: int, seed: int = 0, digits: int = 15) -> tuple[list[str], list[str], pd.DataFrame]:
    """Return truths, labels and probabilities of four classes, one of them rare; all occur."""
    generator = np.random.default_rng(seed)
    numbers = np.concatenate([np.arange(4), generator.choice(4, rows - 4, p=[0.5, 0.3, 0.19, 0.01])])
    chances = generator.dirichlet(np.ones(4), rows) + np.eye(4)[numbers] * 0.3
    chances = np.round(chances / chances.sum(axis=1, keepdims=True), digits)
    chances[np.arange(rows), chances.argmax(axis=1)] += 1 - chances.sum(axis=1)
    table = pd.DataFrame(chances, columns=CLASSES)
    return [CLASSES[number] for number in numbers], [CLASSES[number] for number in chances.argmax(axis=1)], table


@given(ROWS)
def test_metrics_of_labels_are_scikit_learns_with_undefined_classes_left_out(rows: list[tuple[str, str]]) -> None:
    truths, values = zip(*rows, strict=True)
    found = measure("multiclass", truths, values, names=OF_LABELS)
    options: dict[str, Any] = {"average": "macro", "zero_division": np.nan}
    assert found["accuracy"].value == close(sklearn_metrics.accuracy_score(truths, values))
    assert found["precision"].value == close(sklearn_metrics.precision_score(truths, values, **options))
    assert found["recall"].value == close(sklearn_metrics.recall_score(truths, values, **options))
    assert found["f1"].value == close(sklearn_metrics.f1_score(truths, values, **options))
    assert {(metric.rows, metric.left_out) for metric in found.values()} == {(len(rows), 0)}


@pytest.mark.parametrize("seed", range(20))
def test_metrics_of_scores_are_scikit_learns(seed: int) -> None:
    truths, values, table = a_table(20 + 97 * seed, seed, digits=2 + seed % 3)
    found = measure("multiclass", truths, values, table)
    auc = sklearn_metrics.roc_auc_score(truths, table.to_numpy(), multi_class="ovr", average="macro")
    assert found["roc_auc"].value == close(auc)
    assert found["log_loss"].value == close(sklearn_metrics.log_loss(truths, table.to_numpy(), labels=CLASSES))
    flags = np.array([[truth == name for name in CLASSES] for truth in truths])
    precision = sklearn_metrics.average_precision_score(flags, table.to_numpy(), average="macro")
    assert found["average_precision"].value == close(precision)
    brier = sklearn_metrics.brier_score_loss(truths, table.to_numpy(), labels=CLASSES)
    assert found["brier"].value == close(brier)


def test_calibration_is_that_of_the_likeliest_class() -> None:
    truths, _, table = a_table(800, 4)
    numbers = table.to_numpy()
    right = np.array([CLASSES[place] for place in numbers.argmax(axis=1)]) == np.array(truths)
    same = measure("binary", right.astype(float), right.astype(float), numbers.max(axis=1))["ece"]
    assert measure("multiclass", truths, truths, table)["ece"] == same


def test_two_classes_give_the_average_precision_of_both_and_twice_the_brier_score() -> None:
    generator = np.random.default_rng(2)
    score = generator.random(200)
    truths = (generator.random(200) < score).astype(int)
    table = pd.DataFrame({"0": 1 - score, "1": score})
    several = measure("multiclass", truths, truths, table)
    one, other = (
        measure("binary", flags, flags, scores) for flags, scores in ((truths, score), (1 - truths, 1 - score))
    )
    assert several["brier"].value == close(2 * number(one["brier"]))
    mean = (number(one["average_precision"]) + number(other["average_precision"])) / 2
    assert several["average_precision"].value == close(mean)


def number(measured: Measured) -> float:
    assert isinstance(measured.value, float)
    return measured.value


@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(rows: list[tuple[str, str]], random: Any) -> None:
    one = measure("multiclass", *zip(*rows, strict=True))
    other = measure("multiclass", *zip(*random.sample(rows, len(rows)), strict=True))
    for name, found in one.items():
        assert other[name].value == close(found.value)
        assert other[name].standard_error == close(found.standard_error)


def test_two_classes_give_the_auc_of_the_binary_task_and_its_error() -> None:
    generator = np.random.default_rng(3)
    scores = generator.random(300)
    truths = (generator.random(300) < scores).astype(int)
    table = pd.DataFrame({"0": 1 - scores, 1: scores})
    found = measure("multiclass", truths, truths, table)["roc_auc"]
    expected = measure("binary", truths, truths, scores)["roc_auc"]
    assert (found.value, found.standard_error) == (close(expected.value), close(expected.standard_error))


def test_columns_of_scores_are_found_by_label_in_any_order_and_of_any_type() -> None:
    scores = pd.DataFrame({2.0: [0.1, 0.7, 0.2], "1": [0.8, 0.2, 0.1], 3: [0.1, 0.1, 0.7]})
    found = measure("multiclass", [1, "2", 3.0], ["1.0", 2, 3], scores)
    assert found["accuracy"].value == 1.0
    assert found["roc_auc"].value == 1.0
    assert found["log_loss"].value == close(-math.log(0.8 * 0.7 * 0.7) / 3)


def test_a_class_that_does_not_occur_is_left_out_of_the_mean() -> None:
    truths, values, table = a_table(50)
    kept = [place for place, truth in enumerate(truths) if truth != "fox"]
    found = measure(
        "multiclass", [truths[place] for place in kept], [values[place] for place in kept], table.iloc[kept]
    )
    expected = [
        sklearn_metrics.roc_auc_score([truths[place] == name for place in kept], table[name].iloc[kept])
        for name in CLASSES[:3]
    ]
    assert found["roc_auc"].value == close(float(np.mean(expected)))


def test_a_class_with_a_single_row_leaves_the_auc_without_standard_error() -> None:
    truths, values, table = a_table(50)
    few = [place for place, truth in enumerate(truths) if truth != "fox"] + [3]
    found = measure("multiclass", [truths[place] for place in few], [values[place] for place in few], table.iloc[few])
    assert isinstance(found["roc_auc"].value, float)
    assert found["roc_auc"].standard_error is None


def test_a_truth_that_the_scores_do_not_know_is_left_out_of_their_metrics_alone() -> None:
    scores = pd.DataFrame({"a": [0.9, 0.2, 0.5, math.nan], "b": [0.1, 0.8, 0.5, 0.5]})
    found = measure("multiclass", ["a", "b", "c", "a"], ["a", "b", "a", "a"], scores)
    assert (found["log_loss"].rows, found["log_loss"].left_out) == (2, 2)
    assert (found["accuracy"].rows, found["accuracy"].left_out) == (4, 0)


def test_a_perfect_chunk_does_not_claim_certainty() -> None:
    found = measure("multiclass", ["a", "b", "c"] * 3, ["a", "b", "c"] * 3, names=OF_LABELS)
    for metric in found.values():
        assert metric.value == 1.0
        assert metric.standard_error is not None
        assert metric.standard_error > 0.05


@pytest.mark.parametrize("scores", [None, [0.9, 0.8]])
def test_one_score_a_row_is_no_score_by_class(scores: Any) -> None:
    found = measure("multiclass", ["a", "b"], ["a", "b"], scores)
    for name in ("roc_auc", "log_loss"):
        assert found[name] == Measured(Undefined("no scores by class"), None, 0, 2)


@pytest.mark.parametrize(
    ("scores", "reason"),
    [
        ([[0.9, 0.3], [0.5, 0.5]], "the scores are no probabilities: of some row they do not sum to 1"),
        ([[2.0, -1.0], [0.5, 0.5]], "the scores are no probabilities: some lie outside 0 to 1"),
        ([[math.nan, 1.0], [0.5, math.inf]], "no row has all that the metric needs"),
    ],
)
def test_scores_that_are_no_probabilities_have_no_log_loss(scores: list[list[float]], reason: str) -> None:
    table = pd.DataFrame(scores, columns=["a", "b"])
    assert measure("multiclass", ["a", "b"], ["a", "b"], table)["log_loss"].value == Undefined(reason)


def test_one_class_has_no_auc() -> None:
    table = pd.DataFrame({"a": [0.9, 0.8], "b": [0.1, 0.2]})
    assert measure("multiclass", ["a", "a"], ["a", "b"], table)["roc_auc"].value == Undefined("one class only")


@pytest.mark.parametrize(
    ("truths", "values", "reason"),
    [
        ([], [], "no rows"),
        ([None, math.nan], ["a", "b"], "no ground truth"),
        (["a", "b"], [None, None], "no row has all that the metric needs"),
    ],
)
def test_a_chunk_with_nothing_to_judge_says_why(truths: Any, values: Any, reason: str) -> None:
    found = measure("multiclass", truths, values, names=OF_LABELS)
    assert {metric.value for metric in found.values()} == {Undefined(reason)}


@given(st.lists(st.tuples(st.one_of(LABELS, st.none()), st.one_of(LABELS, st.none()), st.floats(), st.floats())))
def test_whatever_comes_no_result_is_nan_or_beyond_its_limits(rows: list[tuple[Any, Any, float, float]]) -> None:
    table = pd.DataFrame([row[2:] for row in rows], columns=["cat", "dog"], dtype=float)
    found = measure("multiclass", [row[0] for row in rows], [row[1] for row in rows], table)
    for metric in METRICS["multiclass"]:
        value, error = found[metric.name].value, found[metric.name].standard_error
        assert error is None or (math.isfinite(error) and error >= 0)
        if isinstance(value, float):
            assert metric.lowest is None or value >= metric.lowest
            assert metric.highest is None or value <= metric.highest


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (pd.DataFrame({"a": [0.5]}), r"as many rows as there are truths \(2\), not 1"),
        (pd.DataFrame([[0.5, 0.5], [0.5, 0.5]], columns=pd.Index(["1", 1.0])), "one column for each class"),
    ],
)
def test_scores_of_another_shape_are_refused(table: pd.DataFrame, expected: str) -> None:
    with pytest.raises(InvalidInput, match=f"scores: expected {expected}"):
        measure("multiclass", ["1", "2"], ["1", "2"], table)
