"""Confidence-Based Performance Estimation (CBPE) of a binary classifier: its metrics before any truth has come.

If a score is a calibrated probability, then of a hundred rows at 0.9 ninety are positive: the expected confusion
matrix, and with it every metric, follows from the scores alone (the method of NannyML; Białek et al. 2024,
arXiv:2401.08348). Use it while truth is late. Do not use it for a model whose scores say nothing about its certainty,
and never to exclude concept drift: the same scores give the same estimate whatever the truth has become.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ml_monitor.monitoring.estimation import expected
from ml_monitor.monitoring.estimation.calibration import Calibrator, fit_calibrator
from ml_monitor.monitoring.estimation.estimates import (
    CLASSIFICATION_METRICS,
    CONFUSION_METRICS,
    Estimate,
    undefined_estimate,
)
from ml_monitor.monitoring.estimation.expected import Expected, Flags, Floats
from ml_monitor.monitoring.estimation.inputs import numbers, refused, zeros_and_ones
from ml_monitor.monitoring.results import Measured, Undefined

METRICS = CLASSIFICATION_METRICS + CONFUSION_METRICS


@dataclass(frozen=True, slots=True)
class Cbpe:
    """The estimator of one model version, fitted to its reference."""

    calibrator: Calibrator
    reference_rows: int

    def estimate(self, scores: ArrayLike, predictions: ArrayLike | None) -> Estimate:
        """Return the estimated metrics of a chunk.

        ``scores`` are the model's for class 1, ``predictions`` its labels 0 or 1 (None: only the metrics of the ranking
        have a value). Rows with a missing score or label do not count. Raises ``InvalidInput`` for arrays of unequal
        length or other labels.
        """
        raw = numbers("scores", scores)
        labels = np.zeros(len(raw)) if predictions is None else zeros_and_ones("predictions", predictions, len(raw))
        there = np.isfinite(raw) & np.isfinite(labels)
        raw, labels = raw[there], labels[there]
        basis = f"CBPE on {self.reference_rows:,} reference rows; scores {self.calibrator.reason}"
        if not len(raw):
            return undefined_estimate(METRICS, "no rows", 0, basis)
        probabilities = self.calibrator.calibrate(raw)
        if probabilities.min() < 0 or probabilities.max() > 1:
            return undefined_estimate(METRICS, "scores outside 0 to 1, unlike the reference's", len(raw), basis)
        found = expected_metrics(raw, probabilities, None if predictions is None else labels == 1)
        widening = expected.widen(len(raw), self.reference_rows)
        measured = {}
        for metric in METRICS:
            term = found[metric.name]
            error = None
            if not isinstance(term.value, Undefined):
                error = widening * expected.standard_error(term.slopes, probabilities)
            measured[metric.name] = Measured(term.value, error, len(raw))
        return Estimate(measured, basis)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; ``from_dict`` takes them back."""
        return {"calibrator": self.calibrator.to_dict(), "reference_rows": self.reference_rows}

    @staticmethod
    def from_dict(content: Mapping[str, Any]) -> Cbpe:
        """Return the estimator that ``to_dict`` wrote."""
        return Cbpe(Calibrator.from_dict(content["calibrator"]), int(content["reference_rows"]))


def fit_cbpe(truths: ArrayLike, scores: ArrayLike) -> Cbpe:
    """Return the estimator fitted to a reference: its truths, 0 or 1, and the model's scores for class 1.

    Rows where either is missing do not count. Raises ``InvalidInput`` for unequal lengths, other truths or no rows.
    """
    raw = numbers("scores", scores)
    known = zeros_and_ones("truths", truths, len(raw))
    there = np.isfinite(raw) & np.isfinite(known)
    if not there.any():
        raise refused("truths", "at least one row with a score and a truth")
    return Cbpe(fit_calibrator(known[there], raw[there]), int(np.sum(there)))


def expected_metrics(scores: Floats, probabilities: Floats, predicted: Flags | None) -> dict[str, Expected]:
    """Return all expected metrics by name. Truths 0 and 1 in place of probabilities give the realised ones."""
    found = expected.ranking(scores, probabilities)
    if predicted is None:
        nothing = Expected(Undefined("no predicted labels"), np.zeros(len(scores)))
        return found | {metric.name: nothing for metric in METRICS if metric.name not in found}
    return found | {
        "accuracy": expected.accuracy(predicted, probabilities),
        "precision": expected.precision(predicted, probabilities),
        "recall": expected.recall(predicted, probabilities),
        "f1": expected.f1(predicted, probabilities),
        **expected.confusion_counts(predicted, probabilities),
    }
