"""With truths for probabilities, expected metrics are scikit-learn's; slopes are checked against small steps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics as sklearn_metrics

from ml_monitor.monitoring.estimation import expected
from ml_monitor.monitoring.estimation.cbpe import expected_metrics
from ml_monitor.monitoring.results import Undefined

Floats = NDArray[np.float64]
ROWS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.5, 0.5, 0.9]), st.booleans(), st.booleans()), min_size=2, max_size=40
)


def case(rows: int = 200, seed: int = 0) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Return scores with ties, a probability for each row, and the rows predicted positive."""
    generator = np.random.default_rng(seed)
    scores = np.round(generator.random(rows), 1)
    probabilities = np.clip(scores + generator.normal(0, 0.1, rows), 0.01, 0.99)
    return scores, probabilities, scores > 0.6


@given(ROWS)
def test_truths_for_probabilities_give_the_realised_metrics(rows: list[tuple[float, bool, bool]]) -> None:
    scores, truths, predicted = (np.array(column) for column in zip(*rows, strict=True))
    found = {name: term.value for name, term in expected_metrics(scores, truths * 1.0, predicted).items()}
    assert found["accuracy"] == pytest.approx(sklearn_metrics.accuracy_score(truths, predicted))
    matrix = sklearn_metrics.confusion_matrix(truths, predicted, labels=[False, True])
    names = ["true_negatives", "false_positives", "false_negatives", "true_positives"]
    assert [found[name] for name in names] == matrix.ravel().tolist()
    known = {
        "precision": (predicted.any(), sklearn_metrics.precision_score),
        "recall": (truths.any(), sklearn_metrics.recall_score),
        "f1": (truths.any() or predicted.any(), sklearn_metrics.f1_score),
    }
    for name, (is_defined, score) in known.items():
        assert (
            found[name] == pytest.approx(score(truths, predicted)) if is_defined else isinstance(found[name], Undefined)
        )
    if truths.any():
        wanted = sklearn_metrics.average_precision_score(truths, scores)
        assert found["average_precision"] == pytest.approx(wanted, abs=1e-9)
    if truths.any() and not truths.all():
        assert found["roc_auc"] == pytest.approx(sklearn_metrics.roc_auc_score(truths, scores), abs=1e-9)
    else:
        assert isinstance(found["roc_auc"], Undefined)


@pytest.mark.parametrize(
    "name",
    ["accuracy", "precision", "recall", "f1", "roc_auc", "average_precision", "true_positives", "false_positives",
     "false_negatives", "true_negatives"],
)  # fmt: skip
def test_slopes_are_derivatives(name: str) -> None:
    scores, probabilities, predicted = case()
    slopes = expected_metrics(scores, probabilities, predicted)[name].slopes
    step = 1e-6
    for row in range(0, 200, 7):
        values = []
        for sign in (1, -1):
            moved = probabilities.copy()
            moved[row] += sign * step
            value = expected_metrics(scores, moved, predicted)[name].value
            assert isinstance(value, float)
            values.append(value)
        assert slopes[row] == pytest.approx((values[0] - values[1]) / (2 * step), abs=1e-7)


@pytest.mark.parametrize("name", ["accuracy", "precision", "recall", "f1", "roc_auc", "average_precision"])
def test_the_standard_error_is_the_scatter_of_drawn_truths(name: str) -> None:
    scores, probabilities, predicted = case(rows=1000)
    generator = np.random.default_rng(1)
    drawn = []
    for _ in range(400):
        truths = (generator.random(1000) < probabilities).astype(np.float64)
        value = expected_metrics(scores, truths, predicted)[name].value
        assert isinstance(value, float)
        drawn.append(value)
    term = expected_metrics(scores, probabilities, predicted)[name]
    error = expected.standard_error(term.slopes, probabilities)
    assert error == pytest.approx(np.std(drawn), rel=0.12)
    assert term.value == pytest.approx(np.mean(drawn), abs=4 * error / 20 + 1e-3)


def test_certain_truths_leave_no_error() -> None:
    _, _, predicted = case()
    term = expected.accuracy(predicted, predicted.astype(np.float64))
    assert (term.value, expected.standard_error(term.slopes, predicted.astype(np.float64))) == (1.0, 0.0)


def test_the_order_of_rows_does_not_matter() -> None:
    scores, probabilities, predicted = case()
    shuffled = np.random.default_rng(2).permutation(200)
    one = expected_metrics(scores, probabilities, predicted)
    other = expected_metrics(scores[shuffled], probabilities[shuffled], predicted[shuffled])
    assert {name: term.value for name, term in one.items()} == pytest.approx(
        {name: term.value for name, term in other.items()}, abs=1e-12
    )
    assert np.allclose(one["roc_auc"].slopes[shuffled], other["roc_auc"].slopes, atol=1e-12)


@pytest.mark.parametrize(
    ("probability", "predicted", "reasons"),
    [
        (0.0, False, {"precision": "no row is predicted positive", "recall": "no positive row is expected",
                      "f1": "no row is predicted positive and none is expected to be",
                      "roc_auc": "one class only: no positive row is expected",
                      "average_precision": "one class only: no positive row is expected"}),
        (1.0, True, {"roc_auc": "one class only: no negative row is expected"}),
    ],
)  # fmt: skip
def test_one_class_only_is_said_not_scored(probability: float, predicted: bool, reasons: dict[str, str]) -> None:
    found = expected_metrics(np.linspace(0, 1, 5), np.full(5, probability), np.full(5, predicted))
    undefined = {name: term.value.reason for name, term in found.items() if isinstance(term.value, Undefined)}
    assert undefined == reasons


def test_a_small_reference_widens_an_error() -> None:
    assert expected.widen(1000, 1000) == pytest.approx(2**0.5)
    assert expected.widen(1, 1_000_000) == pytest.approx(1.0, abs=1e-6)
