"""Realised performance by chunk: the metrics of a binary classifier, exact beside scikit-learn and at what CPU time.

The control calls scikit-learn's own function for each metric and chunk, in the same process. Ours gives the standard
error of each metric as well, which the control does not.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn import metrics as sklearn_metrics
from sklearn.calibration import calibration_curve

from benchmarks.figures import DAY, Figure, Sizes, in_turns, milliseconds, progress
from ml_monitor.monitoring.chunks import BySize, split
from ml_monitor.monitoring.performance.catalogue import measure as measure_chunk
from ml_monitor.monitoring.results import Undefined

CHUNKS = 20
SIX: Mapping[str, Callable[..., float]] = {
    "accuracy": lambda truths, values, scores: sklearn_metrics.accuracy_score(truths, values),
    "precision": lambda truths, values, scores: sklearn_metrics.precision_score(truths, values, zero_division=0.0),
    "recall": lambda truths, values, scores: sklearn_metrics.recall_score(truths, values, zero_division=0.0),
    "f1": lambda truths, values, scores: sklearn_metrics.f1_score(truths, values, zero_division=0.0),
    "roc_auc": lambda truths, values, scores: sklearn_metrics.roc_auc_score(truths, scores),
    "log_loss": lambda truths, values, scores: sklearn_metrics.log_loss(truths, scores, labels=[0, 1]),
}
NINE: Mapping[str, Callable[..., float]] = {
    **SIX,
    "average_precision": lambda truths, values, scores: sklearn_metrics.average_precision_score(truths, scores),
    "brier": lambda truths, values, scores: sklearn_metrics.brier_score_loss(truths, scores),
    "ece": lambda truths, values, scores: _expected_calibration_error(truths, scores),
}
_TIMES_LESS = 10
_EXACT = 1e-9
_SEED = 20261120


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Predictions with their truth, in order of time, and where each chunk lies."""

    truths: NDArray[np.float64]
    values: NDArray[np.float64]
    scores: NDArray[np.float64]
    chunks: tuple[slice, ...]

    def of(self, rows: slice) -> tuple[Any, Any, Any]:
        """Return the columns of one chunk."""
        return self.truths[rows], self.values[rows], self.scores[rows]


def measure(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Yield the figures of realised performance."""
    progress(f"performance: {sizes.many_predictions:,} rows in {CHUNKS} chunks")
    scored = draw(sizes.many_predictions)
    yield _exactness(scored)
    yield _cpu(scored, sizes, SIX)
    yield _cpu(scored, sizes, NINE)


def draw(rows: int) -> Scored:
    """Return the predictions of a fair classifier; a third is positive and some scores are equal."""
    generator = np.random.default_rng(_SEED)
    logits = generator.normal(-0.8, 1.5, rows)
    truths = (generator.random(rows) < 1 / (1 + np.exp(-logits))).astype(np.float64)
    scores = np.round(1 / (1 + np.exp(-1.2 * logits)), 4)
    start = pd.Timestamp("2026-11-20", tz="UTC")
    times = pd.DataFrame({"time": pd.date_range(start, start + DAY, periods=rows, unit="us")})
    chunks = tuple(chunk.rows for chunk in split(times, BySize(rows // CHUNKS)))
    return Scored(truths, (scores > 0.5).astype(np.float64), scores, chunks)


def ours(scored: Scored, names: Iterable[str]) -> list[dict[str, float | Undefined]]:
    """Return the values by chunk as the suite measures them."""
    found = [measure_chunk("binary", *scored.of(rows), names=names) for rows in scored.chunks]
    return [{name: metric.value for name, metric in chunk.items()} for chunk in found]


def scikit_learns(scored: Scored, functions: Mapping[str, Callable[..., float]]) -> list[dict[str, float]]:
    """Return the values by chunk as scikit-learn's functions give them."""
    return [{name: function(*scored.of(rows)) for name, function in functions.items()} for rows in scored.chunks]


def _expected_calibration_error(truths: NDArray[np.float64], scores: NDArray[np.float64]) -> float:
    shares, means = calibration_curve(truths, scores, n_bins=10)
    places = np.searchsorted(np.linspace(0, 1, 11)[1:-1], scores)
    counts = np.bincount(places, minlength=10)
    return float(np.abs(shares - means) @ counts[counts > 0]) / len(scores)


def _exactness(scored: Scored) -> Figure:
    expected = scikit_learns(scored, NINE)
    rounded = Scored(scored.truths, scored.values, np.round(scored.scores, 2), scored.chunks)
    distance, control = (_distance(ours(each, NINE), expected) for each in (scored, rounded))
    return Figure(
        f"largest distance from scikit-learn, {len(NINE)} metrics of {len(scored.chunks)} chunks",
        f"{distance:.1e}; with scores rounded to two digits {control:.1e}",
        f"at most {_EXACT:.0e}",
        distance <= _EXACT,
        control > _EXACT,
    )


def _distance(found: list[dict[str, float | Undefined]], expected: list[dict[str, float]]) -> float:
    return max(
        float("inf") if isinstance(chunk[name], Undefined) else abs(float(chunk[name]) - value)  # type: ignore[arg-type]
        for chunk, values in zip(found, expected, strict=True)
        for name, value in values.items()
    )


def _cpu(scored: Scored, sizes: Sizes, functions: Mapping[str, Callable[..., float]]) -> Figure:
    pairs = in_turns(
        sizes.rounds,
        lambda number: _cpu_seconds_of(lambda: ours(scored, functions), sizes.rounds),
        lambda number: _cpu_seconds_of(lambda: scikit_learns(scored, functions), sizes.rounds),
    )
    return Figure(
        f"CPU of {len(functions)} metrics with their standard errors / scikit-learn's functions without",
        pairs.show(milliseconds),
        f"at most {1 / _TIMES_LESS:g}",
        pairs.ratio <= 1 / _TIMES_LESS,
    )


def _cpu_seconds_of(work: Callable[[], object], passes: int) -> float:
    """Return the CPU time of one pass, by the quickest of some: what disturbs a pass only adds to it."""
    gc.collect()
    seconds = []
    for _ in range(passes):
        began = time.process_time()
        work()
        seconds.append(time.process_time() - began)
    return min(seconds)
