from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics as sklearn_metrics

from ml_core.errors import InvalidInput
from ml_monitor.monitoring.estimation.cbpe_multiclass import CbpeMulticlass, expected_metrics, fit_cbpe_multiclass
from ml_monitor.monitoring.results import Undefined

CLASSES = ("ant", "bee", "cat")
Floats = NDArray[np.float64]
Labels = NDArray[np.str_]


def rows_of(generator: np.random.Generator, rows: int, sharpening: float = 1.0) -> tuple[Labels, Floats, Labels]:
    """Return truths, scores and labels; the scores are the true probabilities, sharpened by a power."""
    logits = generator.normal(0, 1.3, (rows, 3))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    drawn = (generator.random((rows, 1)) > np.cumsum(probabilities, axis=1)).sum(axis=1)
    names = np.array(CLASSES)
    scores = probabilities**sharpening / (probabilities**sharpening).sum(axis=1, keepdims=True)
    return names[drawn], scores, names[probabilities.argmax(axis=1)]


def fitted(sharpening: float = 1.0) -> CbpeMulticlass:
    truths, scores, _ = rows_of(np.random.default_rng(100), 20_000, sharpening)
    return fit_cbpe_multiclass(truths.tolist(), scores, CLASSES)


def one_hot(labels: Labels) -> Floats:
    return (labels[:, None] == np.array(CLASSES)).astype(np.float64)


def test_truths_for_probabilities_give_the_realised_metrics_of_scikit_learn() -> None:
    truths, scores, labels = rows_of(np.random.default_rng(1), 500)
    scores = np.round(scores, 1) / np.round(scores, 1).sum(axis=1, keepdims=True)
    found = expected_metrics(scores, one_hot(truths), one_hot(labels).argmax(axis=1), CLASSES)
    averages = {"average": "macro"}
    assert {name: term.value for name, term in found.items()} == pytest.approx(
        {
            "accuracy": sklearn_metrics.accuracy_score(truths, labels),
            "precision": sklearn_metrics.precision_score(truths, labels, **averages),
            "recall": sklearn_metrics.recall_score(truths, labels, **averages),
            "f1": sklearn_metrics.f1_score(truths, labels, **averages),
            "roc_auc": sklearn_metrics.roc_auc_score(truths, scores, multi_class="ovr", labels=list(CLASSES)),
            "average_precision": sklearn_metrics.average_precision_score(one_hot(truths), scores, **averages),
        },
        abs=1e-9,
    )


@pytest.mark.parametrize("sharpening", [1.0, 2.0], ids=["calibrated", "too sure of itself"])
def test_the_realised_metrics_lie_in_the_stated_bands(sharpening: float) -> None:
    estimator, generator = fitted(sharpening), np.random.default_rng(2)
    found: dict[str, list[float]] = {}
    for _ in range(100):
        truths, scores, labels = rows_of(generator, 1_000, sharpening)
        estimate = estimator.estimate(scores, labels.tolist())
        realised = expected_metrics(scores, one_hot(truths), one_hot(labels).argmax(axis=1), CLASSES)
        for name, measured in estimate.metrics.items():
            value = realised[name].value
            assert isinstance(measured.value, float)
            assert isinstance(value, float)
            assert measured.standard_error
            found.setdefault(name, []).append((value - measured.value) / measured.standard_error)
    for name, errors in found.items():
        within = np.abs(errors)
        assert 0.88 <= np.mean(within < 2) <= 1.0, name
        assert 0.55 <= np.mean(within < 1) <= 0.85, name


def test_a_model_too_sure_of_itself_is_calibrated_class_by_class() -> None:
    estimator = fitted(2.0)
    assert [calibrator.is_used for calibrator in estimator.calibrators] == [True] * 3
    _, scores, labels = rows_of(np.random.default_rng(3), 2_000, 2.0)
    estimate = estimator.estimate(scores, labels.tolist())
    assert estimate.basis == "CBPE on 20,000 reference rows; 3 of 3 classes calibrated"
    claimed = float(scores.max(axis=1).mean())
    assert isinstance(estimate.metrics["accuracy"].value, float)
    assert estimate.metrics["accuracy"].value < claimed - 0.1


def test_rows_without_any_probability_count_as_undecided() -> None:
    found = fitted().estimate([[0.0, 0.0, 0.0]] * 4, ["ant", "bee", "cat", "ant"]).metrics
    assert found["accuracy"].value == pytest.approx(1 / 3)


def test_rows_with_something_missing_do_not_count() -> None:
    estimator = fitted()
    _, scores, labels = rows_of(np.random.default_rng(4), 50)
    more = np.vstack([scores, [[np.nan, 0.5, 0.5], [0.2, 0.3, 0.5], [0.2, 0.3, 0.5]]])
    assert estimator.estimate(more, [*labels.tolist(), "ant", None, float("nan")]) == estimator.estimate(
        scores, labels.tolist()
    )


def test_a_class_that_is_never_predicted_is_named() -> None:
    _, scores, _ = rows_of(np.random.default_rng(5), 50)
    found = fitted().estimate(scores, ["ant"] * 25 + ["bee"] * 25).metrics
    assert found["precision"].value == Undefined("class 'cat': no row is predicted positive")
    assert found["precision"].standard_error is None
    assert isinstance(found["recall"].value, float)


@pytest.mark.parametrize(("scores", "reason"), [(np.empty((0, 3)), "no rows"), ([[-0.1, 0.5, 0.6]], "scores below 0")])
def test_a_chunk_that_cannot_be_estimated_says_why(scores: Floats, reason: str) -> None:
    found = fitted().estimate(scores, ["ant"] * len(scores)).metrics
    assert {measured.value for measured in found.values()} == {Undefined(reason)}


@pytest.mark.parametrize(
    ("field", "scores", "labels"),
    [
        ("scores", [[0.5, 0.5]], ["ant"]),
        ("scores", [["much", 0, 0]], ["ant"]),
        ("predictions", [[0.2, 0.3, 0.5]], ["dog"]),
        ("predictions", [[0.2, 0.3, 0.5]], []),
    ],
)
def test_what_is_no_chunk_is_refused_by_name(field: str, scores: list[list[float]], labels: list[str]) -> None:
    with pytest.raises(InvalidInput) as caught:
        fitted().estimate(scores, labels)
    assert caught.value.details[0].field == field


def test_a_reference_of_one_class_or_without_truths_is_refused() -> None:
    with pytest.raises(InvalidInput, match="classes"):
        fit_cbpe_multiclass(["ant"], [[1.0]], ["ant"])
    with pytest.raises(InvalidInput, match="at least one row"):
        fit_cbpe_multiclass([None], [[0.2, 0.3, 0.5]], CLASSES)


def test_an_estimator_survives_json() -> None:
    estimator = fitted(2.0)
    assert CbpeMulticlass.from_dict(json.loads(json.dumps(estimator.to_dict()))) == estimator
