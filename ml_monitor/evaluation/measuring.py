"""Measures one chunk of predictions against the baseline of its version: all metrics there are, none of them judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from ml_core.errors import InvalidInput
from ml_monitor.evaluation.baseline import OUTCOMES, Baseline, given
from ml_monitor.evaluation.chunk_finder import Stretch
from ml_monitor.monitoring.classes import label_text
from ml_monitor.monitoring.columns import Column, kind_of
from ml_monitor.monitoring.drift.catalogue import COLUMN_METHODS, TABLE_METHODS
from ml_monitor.monitoring.estimation.cbpe import Cbpe
from ml_monitor.monitoring.estimation.cbpe_multiclass import CbpeMulticlass
from ml_monitor.monitoring.estimation.dle import Dle
from ml_monitor.monitoring.estimation.estimates import Estimate
from ml_monitor.monitoring.performance.calibration import calibration_curve
from ml_monitor.monitoring.performance.catalogue import measure
from ml_monitor.monitoring.performance.confusion import confusion
from ml_monitor.monitoring.performance.labels import measure_labels
from ml_monitor.monitoring.quality.catalogue import COLUMN_CHECKS, TABLE_CHECKS
from ml_monitor.monitoring.results import Measured, Undefined
from ml_monitor.results.results_store import Group, Result, result_of


def measure_chunk(
    frame: pd.DataFrame, task: str, baseline: Baseline | None, chunk: str, stretch: Stretch, segment_by: Sequence[str]
) -> list[Result]:
    """Return the results of a chunk: ``frame`` holds its predictions joined with the truths known by now.

    Without a baseline only what needs no reference is measured: performance and the lateness of truth. Performance is
    measured for each segment of the features in ``segment_by``, too.
    """
    found = _Found(chunk, stretch, tuple(sorted({int(each) for each in frame["version"].dropna()})))
    found.add("labels", measure_labels(frame))
    _measure_performance(found, frame, task, baseline)
    if baseline is not None:
        features = list(frame["features"])
        for feature in segment_by:
            for segment, rows in _segments(baseline, feature, features):
                _measure_performance(found, frame.iloc[rows], task, baseline, segment, feature)
        columns = columns_of(baseline, frame)
        _measure_drift(found, baseline, columns)
        _measure_quality(found, baseline, {name: columns[name] for name in baseline.features})
        estimate = _estimate(baseline, frame, columns)
        if estimate is not None:
            found.add("estimate", estimate.metrics, notes=(estimate.note, estimate.basis))
    return found.results


def measure_performance(
    task: str, truths: Any, values: Any, scores: Any, positive: object, names: Sequence[str] | None = None
) -> dict[str, Measured]:
    """Return realised performance, as ``measure`` does, of columns as a store or a reference has them.

    ``scores`` is a column of them or, of a classifier of several classes, a frame with a column for each.
    """
    if isinstance(scores, pd.DataFrame):
        return measure(task, truths, values, scores if task == "multiclass" else None, names, positive)  # type: ignore[arg-type]
    usable = scores if task == "binary" and pd.notna(np.asarray(scores, dtype=object)).any() else None
    return measure(task, truths, values, usable, names, positive)  # type: ignore[arg-type]


def scores_by_class(frame: pd.DataFrame) -> pd.DataFrame | None:
    """Return the scores of predictions with a column for each class, NaN where a row lacks one; None without any."""
    rows = [each if isinstance(each, Mapping) else {} for each in frame.get("scores", ())]
    if not any(rows):
        return None
    # The same class may be written as 1 and as 1.0.
    named = [{label_text(name): score for name, score in row.items()} for row in rows]
    classes = sorted({name for row in named for name in row})
    return pd.DataFrame(named, columns=classes, index=frame.index, dtype=np.float64)


_MOST_CLASSES = 50
"""Of more classes than these no confusion matrix is kept: it grows with their square."""


class _Found:
    """Collects the results of one chunk."""

    def __init__(self, chunk: str, stretch: Stretch, versions: tuple[int, ...]) -> None:
        self.results: list[Result] = []
        self._chunk, self._stretch, self._versions = chunk, stretch, versions

    def add(self, group: Group, measured: Mapping[str, Measured], **more: Any) -> None:
        for name, each in measured.items():
            result = result_of(
                each,
                chunk=self._chunk,
                group=group,
                name=name,
                start_time=self._stretch.start_time,
                end_time=self._stretch.end_time,
                versions=self._versions,
                **more,
            )
            self.results.append(result)


def _measure_performance(
    found: _Found, frame: pd.DataFrame, task: str, baseline: Baseline | None, segment: str = "", segment_by: str = ""
) -> None:
    positive = baseline.positive if baseline else None
    by_class = scores_by_class(frame) if task == "multiclass" else None
    scores = frame["score"].to_numpy() if by_class is None else by_class
    measured = measure_performance(task, frame["truth"].to_numpy(), frame["value"].to_numpy(), scores, positive)
    for name, each in measured.items():
        details = _details(name, each, task, frame, scores, positive)
        found.add("performance", {name: each}, segment=segment, segment_by=segment_by, details=details)


def _details(
    name: str, measured: Measured, task: str, frame: pd.DataFrame, scores: Any, positive: object
) -> dict[str, Any]:
    """Return what lies behind a metric of a classifier: all counts behind its accuracy, the bins behind its ECE."""
    if isinstance(measured.value, Undefined):
        return {}
    truths = frame["truth"].to_numpy()
    if name == "accuracy":
        matrix = confusion(truths, frame["value"].to_numpy())
        if isinstance(matrix, Undefined) or len(matrix.labels) > _MOST_CLASSES:
            return {}
        return {"labels": list(matrix.labels), "confusion_matrix": [list(row) for row in matrix.counts]}
    if name == "ece" and task == "binary":
        curve = calibration_curve(truths, scores, positive=positive)
        return {} if isinstance(curve, Undefined) else {"calibration_curve": [asdict(each) for each in curve]}
    return {}


def _segments(baseline: Baseline, feature: str, features: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    segments = baseline.segments(feature)
    if segments is not None:
        yield from segments.split(given([row.get(feature) for row in features])).items()


def columns_of(baseline: Baseline, frame: pd.DataFrame) -> dict[str, Column]:
    """Return the chunk's columns under the names and kinds of the baseline's."""
    features = list(frame["features"])
    outcomes = {
        name: baseline.outcome_column(name, frame[name].to_numpy(dtype=object))
        for name in OUTCOMES
        if name in baseline.outcomes
    }
    named = {
        spec.name: baseline.feature_column(spec, [row.get(spec.name) for row in features]) for spec in baseline.specs
    }
    return outcomes | named


def _measure_drift(found: _Found, baseline: Baseline, columns: Mapping[str, Column]) -> None:
    for (method, name), statistics in baseline.drift_statistics.items():
        if name:
            measured: Measured = COLUMN_METHODS[method].measure(statistics, columns[name])
        else:
            measured = TABLE_METHODS[method].measure(statistics, {each: columns[each] for each in baseline.features})
        found.add("drift", {method: measured}, column=name)


def _measure_quality(found: _Found, baseline: Baseline, columns: Mapping[str, Column]) -> None:
    for (check, name), statistics in baseline.quality_statistics.items():
        if name:
            measured = COLUMN_CHECKS[check].measure(statistics, columns[name])
        else:
            measured = TABLE_CHECKS[check].measure(statistics, columns)
        found.add("quality", {check: measured}, column=name)


def _estimate(baseline: Baseline, frame: pd.DataFrame, columns: Mapping[str, Column]) -> Estimate | None:
    estimator = baseline.estimator
    try:
        if isinstance(estimator, Cbpe):
            flags = baseline.as_flags(list(frame["value"]))
            return estimator.estimate(frame["score"].to_numpy(dtype=np.float64), flags)
        if isinstance(estimator, CbpeMulticlass):
            scores = scores_by_class(frame)
            if scores is None:
                return None
            labels = [label_text(value) if pd.notna(value) else None for value in frame["value"]]
            return estimator.estimate(scores.reindex(columns=list(estimator.classes)).to_numpy(), labels)
        if isinstance(estimator, Dle):
            cells = {name: _cells(columns[name], frame, name) for name in baseline.features}
            return estimator.estimate(cells, pd.to_numeric(frame["value"], errors="coerce").to_numpy(dtype=np.float64))
    except InvalidInput:  # the chunk's rows are of another kind than the reference's: quality tells, no estimate does
        return None
    return None


def _cells(column: Column, frame: pd.DataFrame, name: str) -> Any:
    if kind_of(column) == "number":
        return column.values  # type: ignore[union-attr]
    return np.array([row.get(name) for row in frame["features"]], dtype=object)
