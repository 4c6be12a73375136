"""What became of a model's predictions over a range of time, beside the same of its reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ml_monitor.monitoring.performance.calibration import DEFAULT_BINS
from ml_monitor.monitoring.profiles.beside import common_scale
from ml_monitor.monitoring.profiles.outcomes import (
    CalibrationCounts,
    ConfusionCounts,
    Outcomes,
    calibration_together,
    confusion_together,
)
from ml_monitor.pages.shares import SharesShown, shares_shown
from ml_monitor.results.profile_store import ChunkOutcomes


@dataclass(frozen=True, slots=True)
class ConfusionShown:
    """Rows by true class, then by predicted class; ``reference`` are the shares of each true class on the reference."""

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    shares: tuple[tuple[float, ...], ...]
    reference: tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True, slots=True)
class CalibrationRow:
    """Rows scored within a tenth: what they were scored on average, and which share was positive; the same before."""

    lower: float
    upper: float
    rows: int
    mean_score: float
    positive_share: float
    reference_share: float | None


@dataclass(frozen=True, slots=True)
class OutcomesShown:
    """What there is of a range's outcomes; ``chunks`` is how many it adds up."""

    chunks: int
    confusion: ConfusionShown | None
    calibration: tuple[CalibrationRow, ...]
    residuals: SharesShown | None


def show_outcomes(chunks: Sequence[ChunkOutcomes], reference: Outcomes | None) -> OutcomesShown | None:
    """Add up the outcomes of chunks; None if none of them has any."""
    if not chunks:
        return None
    found = [chunk.outcomes for chunk in chunks]
    confusion = confusion_together(each.confusion for each in found if each.confusion)
    calibration = calibration_together(each.calibration for each in found if each.calibration)
    residuals = [each.residuals for each in found if each.residuals]
    before = reference or Outcomes()
    kept = before.residuals
    scale = common_scale([*([kept] if kept else []), *residuals])
    return OutcomesShown(
        len(found),
        _confusion(confusion, before.confusion) if confusion else None,
        _calibration(calibration, before.calibration) if calibration else (),
        shares_shown(scale, kept, residuals) if residuals else None,
    )


def _confusion(found: ConfusionCounts, before: ConfusionCounts | None) -> ConfusionShown:
    labels = found.labels if before is None else ConfusionCounts({**before.counts, **found.counts}).labels
    counts = tuple(tuple(found.counts.get((true, value), 0) for value in labels) for true in labels)
    return ConfusionShown(labels, counts, tuple(map(_shares, counts)), _reference(labels, before))


def _reference(labels: Sequence[str], before: ConfusionCounts | None) -> tuple[tuple[float | None, ...], ...]:
    if before is None:
        return tuple((None,) * len(labels) for _ in labels)
    rows = (tuple(before.counts.get((true, value), 0) for value in labels) for true in labels)
    return tuple(_shares(row) if sum(row) else (None,) * len(labels) for row in rows)


def _shares(row: Sequence[int]) -> tuple[float, ...]:
    total = sum(row)
    return tuple(count / total if total else 0.0 for count in row)


def _calibration(found: CalibrationCounts, before: CalibrationCounts | None) -> tuple[CalibrationRow, ...]:
    known = before.bins if before else {}
    return tuple(
        CalibrationRow(
            place / DEFAULT_BINS,
            (place + 1) / DEFAULT_BINS,
            rows,
            scores / rows,
            positives / rows,
            known[place][2] / known[place][0] if place in known else None,
        )
        for place, (rows, scores, positives) in found.bins.items()
    )
