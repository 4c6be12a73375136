"""What became of a chunk's predictions once truth came, beyond single metrics: confusion, calibration and residuals.

All three are counts, so that the chunks of a range of time add up to what the whole range would give.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ml_monitor.monitoring.columns import number_column
from ml_monitor.monitoring.inputs import Column
from ml_monitor.monitoring.performance.calibration import DEFAULT_BINS, calibration_curve
from ml_monitor.monitoring.performance.confusion import confusion
from ml_monitor.monitoring.profiles.profile import NumberProfile, profile_of
from ml_monitor.monitoring.results import Undefined

MOST_CLASSES = 12
"""The matrix of more classes would fill a page and say little: the metrics by class say it better."""


@dataclass(frozen=True, slots=True)
class ConfusionCounts:
    """Rows by true class, then by predicted class."""

    counts: Mapping[tuple[str, str], int]

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes that occur, numbers in order and then texts in order."""
        found = {label for pair in self.counts for label in pair}
        return tuple(sorted(found, key=_by_number))


@dataclass(frozen=True, slots=True)
class CalibrationCounts:
    """By bin of the score, of ``DEFAULT_BINS`` equal ones: rows, the sum of their scores, and how many are positive."""

    bins: Mapping[int, tuple[int, float, float]]


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What is known of a chunk or of several; None where the task has no such thing, or no truth came."""

    confusion: ConfusionCounts | None = None
    calibration: CalibrationCounts | None = None
    residuals: NumberProfile | None = None


def outcomes_of(task: str, truths: Column, values: Column, scores: Column, positive: object) -> Outcomes:
    """Return the outcomes of rows; a residual is the truth less the predicted value."""
    if task in ("regression", "forecast"):
        true, predicted = (pd.to_numeric(pd.Series(each), errors="coerce") for each in (truths, values))
        profile = profile_of(number_column((true - predicted).dropna().to_numpy(dtype=np.float64)))
        assert isinstance(profile, NumberProfile)
        return Outcomes(residuals=profile if profile.known else None)
    if task not in ("binary", "multiclass"):
        return Outcomes()
    return Outcomes(_confusion(truths, values), _calibration(truths, scores, positive) if task == "binary" else None)


def confusion_together(parts: Iterable[ConfusionCounts]) -> ConfusionCounts | None:
    """Return the sum of matrices; None of none."""
    total: dict[tuple[str, str], int] = {}
    for part in parts:
        for pair, count in part.counts.items():
            total[pair] = total.get(pair, 0) + count
    return ConfusionCounts(total) if total else None


def calibration_together(parts: Iterable[CalibrationCounts]) -> CalibrationCounts | None:
    """Return the sum of curves; None of none."""
    total: dict[int, tuple[int, float, float]] = {}
    for part in parts:
        for place, found in part.bins.items():
            before = total.get(place, (0, 0.0, 0.0))
            total[place] = (before[0] + found[0], before[1] + found[1], before[2] + found[2])
    return CalibrationCounts(dict(sorted(total.items()))) if total else None


def to_plain(outcomes: Outcomes) -> dict[str, Any]:
    """Return plain values for JSON; nothing of what is None."""
    plain: dict[str, Any] = {}
    if outcomes.confusion:
        plain["confusion"] = [[true, value, count] for (true, value), count in outcomes.confusion.counts.items()]
    if outcomes.calibration:
        plain["calibration"] = [[place, *found] for place, found in outcomes.calibration.bins.items()]
    if outcomes.residuals:
        plain["residuals"] = outcomes.residuals.to_dict()
    return plain


def read_outcomes(values: Mapping[str, Any]) -> Outcomes:
    """Return what ``to_plain`` was made from."""
    residuals, cells, bins = values.get("residuals"), values.get("confusion"), values.get("calibration")
    return Outcomes(
        None if cells is None else ConfusionCounts({(true, value): count for true, value, count in cells}),
        None if bins is None else CalibrationCounts({place: (rows, *sums) for place, rows, *sums in bins}),
        None if residuals is None else NumberProfile.from_dict(residuals),
    )


def _confusion(truths: Column, values: Column) -> ConfusionCounts | None:
    found = confusion(truths, values)
    if isinstance(found, Undefined) or len(found.labels) > MOST_CLASSES:
        return None
    return ConfusionCounts(
        {
            (true, value): found.counts[row][column]
            for row, true in enumerate(found.labels)
            for column, value in enumerate(found.labels)
            if found.counts[row][column]
        }
    )


def _calibration(truths: Column, scores: Column, positive: object) -> CalibrationCounts | None:
    found = calibration_curve(truths, scores, positive=positive)
    if isinstance(found, Undefined):
        return None
    return CalibrationCounts(
        {
            round(each.lower * DEFAULT_BINS): (each.rows, each.mean_score * each.rows, each.positive_share * each.rows)
            for each in found
        }
    )


def _by_number(label: str) -> tuple[int, float, str]:
    try:
        return 0, float(label), label
    except ValueError:
        return 1, 0.0, label
