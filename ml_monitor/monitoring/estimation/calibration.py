"""Calibration of scores into probabilities, used only where it makes them more honest.

Isotonic regression (Zadrozny and Elkan 2002) of the truth on the score, kept as step points with straight lines
between. It is used if it lowers the expected calibration error (ECE, Naeini et al. 2015: bins of equal count) of ten
test parts of 10 %, drawn from the reference for each class alone, by a tenth at least. NannyML 0.13 decides by the same
parts but without a margin, so that the order of equal scores can turn its decision. Limits: calibrated scores may be
calibrated for nothing, since each row is learnt from in most parts and tested in another, which adds no more than the
noise of the reference; and a score outside the reference's range gets the nearest probability.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_core.errors import FieldError, InvalidInput
from ml_core.scores import roc_auc_score
from ml_monitor.monitoring.estimation.expected import Floats

BINS = 10
SPLITS = 10
_TEST_SHARE = 0.1
_SEED = 42
# With other draws of the test parts the error of one and the same reference scatters by about a tenth.
_LEAST_LOWERING = 0.1
_FEWEST_ROWS_OF_A_CLASS = 20
# Above it the classes are as good as separated, and isotonic regression would promise certainty.
_SEPARATED = 0.999


@dataclass(frozen=True, slots=True)
class Calibrator:
    """Step points of a rising curve from score to probability; without points a score is its own probability.

    ``reason`` is a sentence on why it is used or not.
    """

    scores: tuple[float, ...]
    probabilities: tuple[float, ...]
    reason: str

    @property
    def is_used(self) -> bool:
        """Whether scores are changed at all."""
        return bool(self.scores)

    def calibrate(self, scores: Floats) -> Floats:
        """Return the probability of each score."""
        return np.interp(scores, self.scores, self.probabilities) if self.scores else scores

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; ``from_dict`` takes them back."""
        return {"scores": list(self.scores), "probabilities": list(self.probabilities), "reason": self.reason}

    @staticmethod
    def from_dict(content: Mapping[str, Any]) -> Calibrator:
        """Return the calibrator that ``to_dict`` wrote; raise ``InvalidInput`` if the points are not such."""
        scores, probabilities = tuple(content["scores"]), tuple(content["probabilities"])
        if len(scores) != len(probabilities) or list(scores) != sorted(scores):
            expected = "as many rising scores as probabilities"
            raise InvalidInput(f"calibrator: expected {expected}", [FieldError("scores", f"expected {expected}")])
        return Calibrator(scores, probabilities, str(content["reason"]))


def fit_calibrator(truths: Floats, scores: Floats) -> Calibrator:
    """Return the calibrator of a reference: ``truths`` 0 or 1 and ``scores``, of equal length, nothing missing."""
    counts = int(np.sum(truths == 1)), int(np.sum(truths == 0))
    if min(counts) < _FEWEST_ROWS_OF_A_CLASS:
        return _unused(
            f"taken as they are: {counts[0]} positive and {counts[1]} negative rows are too few to calibrate by"
        )
    curve = _Curve(scores, truths)
    everything = np.ones(len(truths), dtype=bool)
    if scores.min() < 0 or scores.max() > 1:
        return curve.fit(everything, "calibrated: they are not probabilities")
    if roc_auc_score(truths, scores) > _SEPARATED:
        return _unused("taken as they are: they separate the classes of the reference")
    before, after = _errors_of_test_parts(curve)
    if after > (1 - _LEAST_LOWERING) * before:
        return _unused(f"taken as they are: calibration hardly lowers the ECE ({before:.4f}, with it {after:.4f})")
    return curve.fit(everything, f"calibrated: it lowers the ECE from {before:.4f} to {after:.4f}")


def expected_calibration_error(truths: Floats, probabilities: Floats, bins: int = BINS) -> float:
    """Return the mean distance between the mean probability and the share of positives, over bins of equal count.

    The last bin also takes the rows that are left over. Rows of equal probability share their truths, so that their
    order does not matter. Raises ``ValueError`` for fewer rows than bins.
    """
    if len(truths) < bins:
        raise ValueError(f"expected at least {bins} rows, one for each bin, not {len(truths)}")
    order = np.argsort(probabilities, kind="stable")
    ordered = probabilities[order]
    groups = np.append(0, np.flatnonzero(ordered[1:] != ordered[:-1]) + 1)
    sizes = np.diff(groups, append=len(ordered))
    shared = np.repeat(np.add.reduceat(truths[order], groups) / sizes, sizes)
    starts = np.arange(bins) * (len(truths) // bins)
    distances = np.add.reduceat(ordered - shared, starts)
    return float(np.sum(np.abs(distances)) / len(truths))


class _Curve:
    """Isotonic regression of many parts of one data set, whose scores are sorted once."""

    def __init__(self, scores: Floats, truths: Floats) -> None:
        self.scores, self.truths = scores, truths
        self._distinct, place = np.unique(scores, return_inverse=True)
        self._place: NDArray[np.intp] = place

    def fit(self, chosen: NDArray[np.bool_], reason: str) -> Calibrator:
        """Return the calibrator fitted to the chosen rows."""
        scores, fitted = self._points(chosen)
        # Only the ends of a level stretch carry the curve.
        turns = np.ones(len(fitted), dtype=bool)
        turns[1:-1] = (fitted[1:-1] != fitted[:-2]) | (fitted[1:-1] != fitted[2:])
        return Calibrator(tuple(scores[turns].tolist()), tuple(fitted[turns].tolist()), reason)

    def calibrate_rest(self, chosen: NDArray[np.bool_]) -> Floats:
        """Return the probabilities of the rows that are not chosen, by a fit to those that are."""
        return np.interp(self.scores[~chosen], *self._points(chosen))

    def _points(self, chosen: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        from sklearn.isotonic import isotonic_regression

        place = self._place[chosen]
        counts = np.bincount(place, minlength=len(self._distinct))
        positives = np.bincount(place, weights=self.truths[chosen], minlength=len(self._distinct))
        seen = counts > 0
        weights = counts[seen].astype(np.float64)
        fitted = isotonic_regression(positives[seen] / weights, sample_weight=weights, y_min=0.0, y_max=1.0)
        return self._distinct[seen], np.asarray(fitted, dtype=np.float64)


def _errors_of_test_parts(curve: _Curve) -> tuple[float, float]:
    """Return the ECE of all test parts together, of the scores as they are and of calibrated ones."""
    from sklearn.model_selection import StratifiedShuffleSplit

    truths, raw, calibrated = [], [], []
    splitter = StratifiedShuffleSplit(SPLITS, test_size=_TEST_SHARE, random_state=_SEED)
    for _, tested in splitter.split(curve.scores, curve.truths):
        is_training = np.ones(len(curve.truths), dtype=bool)
        is_training[tested] = False
        truths.append(curve.truths[~is_training])
        raw.append(curve.scores[~is_training])
        calibrated.append(curve.calibrate_rest(is_training))
    truth = np.concatenate(truths)
    return (
        expected_calibration_error(truth, np.concatenate(raw)),
        expected_calibration_error(truth, np.concatenate(calibrated)),
    )


def _unused(reason: str) -> Calibrator:
    return Calibrator((), (), reason)
