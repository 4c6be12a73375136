"""How predicted values are distributed, per window of time: quantiles of numbers, shares of classes. Arrays in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_core.records import Task
from ml_monitor.formatting import label_of
from ml_monitor.pages.ranges import Window

MOST_LABELS = 8
OTHER = "other labels"
_LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Quantiles:
    """The smallest of some numbers that 5, 25, 50, 75 and 95 % of them do not exceed: each one that occurred."""

    p5: float
    p25: float
    p50: float
    p75: float
    p95: float


@dataclass(frozen=True, slots=True)
class QuantileWindow:
    """The quantiles of one window's predictions."""

    start: datetime
    end: datetime
    count: int
    quantiles: Quantiles


@dataclass(frozen=True, slots=True)
class NumberDistribution:
    """Quantiles per window that holds predictions, of the whole range, and of the reference sample."""

    window_seconds: int
    windows: tuple[QuantileWindow, ...]
    overall: Quantiles
    reference: Quantiles | None


@dataclass(frozen=True, slots=True)
class ShareWindow:
    """The share of each label among one window's predictions."""

    start: datetime
    end: datetime
    count: int
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class LabelDistribution:
    """Shares of ``labels``, the most frequent first, the last of them ``OTHER`` if there are too many to show.

    All ``shares`` are in the order of ``labels``.
    """

    window_seconds: int
    labels: tuple[str, ...]
    windows: tuple[ShareWindow, ...]
    overall: tuple[float, ...]
    reference: tuple[float, ...] | None


Distribution = NumberDistribution | LabelDistribution


def distribution(
    task: Task,
    times: NDArray[np.int64],
    values: NDArray[Any],
    windows: Sequence[Window],
    window_seconds: int,
    reference: NDArray[Any] | None,
) -> Distribution:
    """Summarize predictions by window, as numbers or as classes.

    ``times`` are microseconds since the epoch, ascending, all inside the windows; at least one. ``reference`` are the
    values of the reference sample, if there is one. Labels are classes, and so are the numbers of a classifier.
    """
    edges = [(window.start - _EPOCH) // timedelta(microseconds=1) for window in windows]
    firsts = np.searchsorted(times, [*edges, np.iinfo(np.int64).max])
    slices = [
        (window, slice(first, last))
        for window, first, last in zip(windows, firsts[:-1], firsts[1:], strict=True)
        if first < last
    ]
    if _are_classes(task, values, reference):
        return _by_label(values, slices, window_seconds, reference)
    numbers = values.astype(np.float64)
    return NumberDistribution(
        window_seconds=window_seconds,
        windows=tuple(
            QuantileWindow(window.start, window.end, part.stop - part.start, _quantiles(numbers[part]))
            for window, part in slices
        ),
        overall=_quantiles(numbers),
        reference=None if reference is None else _quantiles(reference.astype(np.float64)),
    )


def _are_classes(task: Task, values: NDArray[Any], reference: NDArray[Any] | None) -> bool:
    if task in ("binary", "multiclass") or any(
        not np.issubdtype(array.dtype, np.number) for array in (values, reference) if array is not None
    ):
        return True
    return task == "anomaly" and len(np.unique(values)) <= 2  # inlier or not; else it is a score


def _quantiles(numbers: NDArray[np.float64]) -> Quantiles:
    return Quantiles(*(float(quantile) for quantile in np.quantile(numbers, _LEVELS, method="inverted_cdf")))


def _by_label(
    values: NDArray[Any], slices: Sequence[tuple[Window, slice]], window_seconds: int, reference: NDArray[Any] | None
) -> LabelDistribution:
    codes, labels = _encode(values)
    counts = np.bincount(codes, minlength=len(labels)).astype(np.float64)
    in_reference: dict[str, float] = {}
    if reference is not None:
        reference_codes, reference_labels = _encode(reference)
        shares = np.bincount(reference_codes) / len(reference_codes)
        in_reference = dict(zip(reference_labels, (float(share) for share in shares), strict=True))
    shown = _most_frequent(labels, counts, in_reference)
    has_other = any(label not in shown for label in labels) or any(label not in shown for label in in_reference)
    places = {label: place for place, label in enumerate(shown)}
    width = len(shown) + has_other
    place_of_code = np.array([places.get(label, len(shown)) for label in labels])
    columns = place_of_code[codes]

    def shares_of(part: NDArray[np.int64]) -> tuple[float, ...]:
        return tuple(float(count) / len(part) for count in np.bincount(part, minlength=width))

    return LabelDistribution(
        window_seconds=window_seconds,
        labels=(*shown, OTHER) if has_other else shown,
        windows=tuple(
            ShareWindow(window.start, window.end, part.stop - part.start, shares_of(columns[part]))
            for window, part in slices
        ),
        overall=shares_of(columns),
        reference=_reference_shares(shown, has_other, in_reference) if reference is not None else None,
    )


def _encode(values: NDArray[Any]) -> tuple[NDArray[np.int64], list[str]]:
    codes, distinct = pd.factorize(values)
    labels = [label_of(value) for value in distinct]
    if len(set(labels)) == len(labels):
        return codes.astype(np.int64), labels
    places = {
        label: place for place, label in enumerate(dict.fromkeys(labels))
    }  # 1.0 and "1" are one class to a reader
    return np.array([places[label] for label in labels])[codes], list(places)


def _most_frequent(
    labels: Sequence[str], counts: NDArray[np.float64], in_reference: dict[str, float]
) -> tuple[str, ...]:
    """Return the labels to show: by frequency, then those the reference alone has, which are worth missing."""
    found = dict(zip(labels, counts, strict=True))
    candidates = {*found, *in_reference}
    by_rank = sorted(candidates, key=lambda label: (-found.get(label, 0.0), -in_reference.get(label, 0.0), label))
    return tuple(by_rank[:MOST_LABELS])


def _reference_shares(shown: Sequence[str], has_other: bool, in_reference: dict[str, float]) -> tuple[float, ...]:
    shares = [in_reference.get(label, 0.0) for label in shown]
    return (*shares, max(0.0, 1.0 - sum(shares))) if has_other else tuple(shares)
