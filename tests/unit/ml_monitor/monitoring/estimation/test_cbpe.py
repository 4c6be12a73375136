from __future__ import annotations

import json

import numpy as np
import pytest

from ml_core.errors import InvalidInput
from ml_monitor.monitoring.estimation.calibration import Calibrator
from ml_monitor.monitoring.estimation.cbpe import METRICS, Cbpe, expected_metrics, fit_cbpe
from ml_monitor.monitoring.estimation.estimates import CONCEPT_DRIFT_NOTE, Estimate
from ml_monitor.monitoring.results import Measured, Undefined
from tests.unit.ml_monitor.monitoring.estimation.worlds import Scored, binary_rows

NAMES = [metric.name for metric in METRICS]


AS_THEY_ARE = Cbpe(Calibrator((), (), "taken as they are"), 20_000)


def fitted(distortion: float = 1.0, rows: int = 20_000) -> Cbpe:
    reference = binary_rows(np.random.default_rng(100), rows, distortion=distortion)
    return fit_cbpe(reference.truths, reference.scores)


def errors_of(estimate: Estimate, chunk: Scored, name: str) -> float:
    """Return by how many standard errors the realised value lies from the estimate."""
    measured = estimate.metrics[name]
    realised = expected_metrics(chunk.scores, chunk.truths, chunk.labels == 1)[name].value
    assert isinstance(measured.value, float)
    assert isinstance(realised, float)
    assert measured.standard_error
    return (realised - measured.value) / measured.standard_error


@pytest.mark.parametrize("distortion", [1.0, 2.5], ids=["calibrated", "to be calibrated"])
@pytest.mark.parametrize("shift", [0.0, 0.7], ids=["as the reference", "shifted"])
def test_the_realised_metrics_lie_in_the_stated_bands(distortion: float, shift: float) -> None:
    estimator = AS_THEY_ARE if distortion == 1.0 else fitted(distortion)
    assert estimator.calibrator.is_used == (distortion != 1.0)
    generator = np.random.default_rng(7)
    found: dict[str, list[float]] = {name: [] for name in NAMES}
    for _ in range(150):
        chunk = binary_rows(generator, 1_000, shift=shift, distortion=distortion)
        estimate = estimator.estimate(chunk.scores, chunk.labels)
        for name in NAMES:
            found[name].append(errors_of(estimate, chunk, name))
    for name, errors in found.items():
        within = np.abs(errors)
        assert 0.90 <= np.mean(within < 2) <= 1.0, name  # 95.4 % of a normal band
        assert 0.60 <= np.mean(within < 1) <= 0.85, name  # 68.3 %


def test_concept_drift_is_not_seen_and_the_note_says_so() -> None:
    estimator, generator = AS_THEY_ARE, np.random.default_rng(8)
    sound = binary_rows(generator, 5_000)
    drifted = binary_rows(generator, 5_000, drift=0.5)
    estimate = estimator.estimate(drifted.scores, drifted.labels)
    before = estimator.estimate(sound.scores, sound.labels).metrics["accuracy"].value
    assert estimate.metrics["accuracy"].value == pytest.approx(before, abs=0.02)
    assert errors_of(estimate, drifted, "accuracy") < -10
    assert estimate.note == CONCEPT_DRIFT_NOTE
    assert "20,000 reference rows; scores taken as they are" in estimate.basis


def test_a_covariate_shift_is_seen() -> None:
    estimator = fitted()
    generator = np.random.default_rng(9)
    values = [
        estimator.estimate(chunk.scores, chunk.labels).metrics["accuracy"].value
        for chunk in (binary_rows(generator, 5_000), binary_rows(generator, 5_000, shift=3.0))
    ]
    assert values == pytest.approx([0.76, 0.93], abs=0.03)


def test_rows_without_a_score_or_label_do_not_count() -> None:
    estimator, chunk = fitted(), binary_rows(np.random.default_rng(10), 100)
    scores, labels = np.append(chunk.scores, [np.nan, 0.5]), np.append(chunk.labels, [1.0, np.nan])
    assert estimator.estimate(scores, labels) == estimator.estimate(chunk.scores, chunk.labels)
    assert estimator.estimate(scores, labels).metrics["f1"].rows == 100


def test_without_labels_the_ranking_is_estimated_all_the_same() -> None:
    chunk = binary_rows(np.random.default_rng(11), 500)
    found = fitted().estimate(chunk.scores, None).metrics
    assert found["f1"] == Measured(Undefined("no predicted labels"), None, 500)
    assert found["roc_auc"] == fitted().estimate(chunk.scores, chunk.labels).metrics["roc_auc"]


@pytest.mark.parametrize(
    ("scores", "reason"),
    [([], "no rows"), ([np.nan], "no rows"), ([0.5, 1.2], "scores outside 0 to 1, unlike the reference's")],
)
def test_a_chunk_that_cannot_be_estimated_says_why(scores: list[float], reason: str) -> None:
    found = AS_THEY_ARE.estimate(scores, [1] * len(scores)).metrics
    assert list(found) == NAMES
    assert {str(measured.value) for measured in found.values()} == {f"undefined: {reason}"}


def test_a_single_row_has_a_confusion_but_no_wrong_zero() -> None:
    found = AS_THEY_ARE.estimate([0.9], [0]).metrics
    assert found["false_negatives"].value == pytest.approx(0.9)
    assert found["precision"].value == Undefined("no row is predicted positive")


@pytest.mark.parametrize(
    ("field", "scores", "labels"),
    [("predictions", [0.5], [2]), ("predictions", [0.5], [0, 1]), ("scores", ["high"], [1]), ("scores", [[0.5]], [1])],
)
def test_what_is_no_chunk_is_refused_by_name(field: str, scores: list[object], labels: list[int]) -> None:
    with pytest.raises(InvalidInput) as caught:
        fitted().estimate(scores, labels)  # type: ignore[arg-type]
    assert caught.value.details[0].field == field


def test_a_reference_without_rows_or_with_other_truths_is_refused() -> None:
    with pytest.raises(InvalidInput, match="truths: expected at least one row"):
        fit_cbpe([np.nan], [0.5])
    with pytest.raises(InvalidInput, match="truths: expected 0 or 1"):
        fit_cbpe([3], [0.5])


def test_an_estimator_survives_json() -> None:
    estimator = fitted(2.5)
    assert Cbpe.from_dict(json.loads(json.dumps(estimator.to_dict()))) == estimator
