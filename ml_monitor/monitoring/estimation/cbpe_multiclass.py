"""Confidence-Based Performance Estimation (CBPE) of a classifier with more than two classes.

The score of each class is calibrated against the rest and the probabilities of a row are scaled to sum to 1; accuracy
follows from the probability of the predicted class, the other metrics are the plain (macro) mean of each class against
the rest, as in NannyML 0.13. Uses and limits are those of the binary case in ``cbpe``; moreover a mean over classes has
no value on a chunk where one of them has none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ml_monitor.monitoring.estimation import expected
from ml_monitor.monitoring.estimation.calibration import Calibrator, fit_calibrator
from ml_monitor.monitoring.estimation.estimates import CLASSIFICATION_METRICS, Estimate, undefined_estimate
from ml_monitor.monitoring.estimation.expected import Expected, Floats
from ml_monitor.monitoring.estimation.inputs import refused, table
from ml_monitor.monitoring.results import Measured, Undefined

METRICS = CLASSIFICATION_METRICS
_UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class CbpeMulticlass:
    """The estimator of one model version, fitted to its reference; calibrators stand in the order of ``classes``."""

    classes: tuple[str, ...]
    calibrators: tuple[Calibrator, ...]
    reference_rows: int

    def estimate(self, scores: ArrayLike, predictions: Sequence[object]) -> Estimate:
        """Return the estimated metrics of a chunk.

        ``scores`` has a row for each prediction and a column for each class, in the order of ``classes``;
        ``predictions`` are labels. Rows with a missing score or label do not count. Raises ``InvalidInput`` for other
        shapes and for labels that are not among the classes.
        """
        raw = table("scores", scores, len(self.classes))
        labels = _places("predictions", predictions, self.classes, len(raw))
        there = np.isfinite(raw).all(axis=1) & (labels != _UNKNOWN)
        raw, labels = raw[there], labels[there]
        used = sum(calibrator.is_used for calibrator in self.calibrators)
        basis = f"CBPE on {self.reference_rows:,} reference rows; {used} of {len(self.classes)} classes calibrated"
        if not len(raw):
            return undefined_estimate(METRICS, "no rows", 0, basis)
        if raw.min() < 0:
            return undefined_estimate(METRICS, "scores below 0", len(raw), basis)
        probabilities = self._calibrated(raw)
        widening = expected.widen(len(raw), self.reference_rows)
        measured = {}
        for name, (value, slopes) in expected_metrics(raw, probabilities, labels, self.classes).items():
            defined = not isinstance(value, Undefined)
            error = widening * _standard_error(slopes, probabilities) if defined else None
            measured[name] = Measured(value, error, len(raw))
        return Estimate(measured, basis)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; ``from_dict`` takes them back."""
        calibrators = [calibrator.to_dict() for calibrator in self.calibrators]
        return {"classes": list(self.classes), "calibrators": calibrators, "reference_rows": self.reference_rows}

    @staticmethod
    def from_dict(content: Mapping[str, Any]) -> CbpeMulticlass:
        """Return the estimator that ``to_dict`` wrote."""
        calibrators = tuple(Calibrator.from_dict(each) for each in content["calibrators"])
        return CbpeMulticlass(tuple(content["classes"]), calibrators, int(content["reference_rows"]))

    def _calibrated(self, raw: Floats) -> Floats:
        """Return probabilities that sum to 1 in each row; a row without any gets the same for all classes."""
        columns = [calibrator.calibrate(raw[:, place]) for place, calibrator in enumerate(self.calibrators)]
        each = np.column_stack(columns)
        total = each.sum(axis=1, keepdims=True)
        probabilities: Floats = np.divide(each, total, out=np.full_like(each, 1 / len(self.classes)), where=total > 0)
        return probabilities


def fit_cbpe_multiclass(truths: Sequence[object], scores: ArrayLike, classes: Sequence[str]) -> CbpeMulticlass:
    """Return the estimator fitted to a reference: true labels, and the scores with a column for each of ``classes``.

    Rows where either is missing do not count. Raises ``InvalidInput`` for other shapes, fewer than two classes, truths
    that are not among them, or no rows.
    """
    if len(set(classes)) != len(classes) or len(classes) < 2:
        raise refused("classes", "at least two classes, each named once")
    raw = table("scores", scores, len(classes))
    labels = _places("truths", truths, classes, len(raw))
    there = np.isfinite(raw).all(axis=1) & (labels != _UNKNOWN)
    if not there.any():
        raise refused("truths", "at least one row with its scores and a truth")
    raw, labels = raw[there], labels[there]
    calibrators = tuple(
        fit_calibrator((labels == place).astype(np.float64), raw[:, place]) for place in range(len(classes))
    )
    return CbpeMulticlass(tuple(classes), calibrators, len(raw))


def expected_metrics(
    scores: Floats, probabilities: Floats, labels: NDArray[np.intp], classes: Sequence[str]
) -> dict[str, Expected]:
    """Return all expected metrics by name; slopes have the shape of ``scores``, a row and a column for each truth.

    ``labels`` are the predicted classes by place. Probabilities 0 and 1 give the realised metrics.
    """
    rows = np.arange(len(labels))
    slopes = np.zeros_like(probabilities)
    slopes[rows, labels] = 1 / len(labels)
    per_class = []
    for place in range(len(classes)):
        predicted, of_class = labels == place, probabilities[:, place]
        per_class.append(
            {
                "precision": expected.precision(predicted, of_class),
                "recall": expected.recall(predicted, of_class),
                "f1": expected.f1(predicted, of_class),
                **expected.ranking(scores[:, place], of_class),
            }
        )
    accuracy = Expected(float(np.mean(probabilities[rows, labels])), slopes)
    macro = {name: _mean([terms[name] for terms in per_class], classes) for name in per_class[0]}
    return {"accuracy": accuracy, **macro}


def _mean(terms: Sequence[Expected], classes: Sequence[str]) -> Expected:
    slopes = np.column_stack([term.slopes for term in terms]) / len(terms)
    total = 0.0
    for term, name in zip(terms, classes, strict=True):
        if isinstance(term.value, Undefined):
            return Expected(Undefined(f"class {name!r}: {term.value.reason}"), slopes)
        total += term.value
    return Expected(total / len(terms), slopes)


def _standard_error(slopes: Floats, probabilities: Floats) -> float:
    """Return the delta-method error: the truth of a row is one draw among its classes, not one for each."""
    means = np.sum(probabilities * slopes, axis=1)
    variances = np.sum(probabilities * slopes**2, axis=1) - means**2
    return math.sqrt(max(0.0, float(np.sum(variances))))


def _places(field: str, labels: Sequence[object], classes: Sequence[str], rows: int) -> NDArray[np.intp]:
    """Return the place of each label among the classes, ``_UNKNOWN`` where it is missing (None or NaN)."""
    if len(labels) != rows:
        raise refused(field, f"as many values as there are scores ({rows}), not {len(labels)}")
    values = pd.Series(np.asarray(labels, dtype=object))
    places = pd.Index(list(classes)).get_indexer(pd.Index(values))
    strange = values[(places == _UNKNOWN) & values.notna().to_numpy()]
    if len(strange):
        raise refused(field, f"one of the classes {', '.join(classes)}, not {strange.iloc[0]!r}")
    return np.asarray(places, dtype=np.intp)
