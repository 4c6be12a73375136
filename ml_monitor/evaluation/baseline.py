"""What is normal for a model version: all that its reference sample teaches, fitted once and used for every chunk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_core.errors import InvalidInput
from ml_core.records import FeatureSpec, Model
from ml_monitor.evaluation.kept_statistics import KeptStatistics, Statistics
from ml_monitor.monitoring.classes import label_text, positive_class
from ml_monitor.monitoring.columns import Column, kind_of, make_column
from ml_monitor.monitoring.drift.catalogue import COLUMN_METHODS, DEFAULTS, TABLE_DEFAULTS, TABLE_METHODS
from ml_monitor.monitoring.estimation.cbpe import Cbpe, fit_cbpe
from ml_monitor.monitoring.estimation.cbpe_multiclass import CbpeMulticlass, fit_cbpe_multiclass
from ml_monitor.monitoring.estimation.dle import Dle, fit_dle
from ml_monitor.monitoring.inputs import is_missing
from ml_monitor.monitoring.quality.catalogue import TABLE_CHECKS, checks_for
from ml_monitor.monitoring.results import Undefined
from ml_monitor.monitoring.segments import Segments, learn_segments

_COUNTING = ("regression", "forecast")
_BY_CLASS = "score:"
OUTCOMES = ("value", "score", "truth")
"""Columns beside the features: what was predicted, how surely, and what was true."""


@dataclass(frozen=True, eq=False)
class Baseline:
    """The reference of a version, and what is learnt from it when it is first needed.

    ``frame`` holds the features, ``value`` and, where they are known, ``score`` (of several classes a column
    ``score:<class>`` for each) and ``truth``. With ``kept``, what was
    learnt by an earlier process is used again. ``methods`` are those of drift that are wanted beside the defaults.
    """

    model: Model
    version: int
    frame: pd.DataFrame
    specs: tuple[FeatureSpec, ...]
    kept: KeptStatistics | None = None
    methods: frozenset[str] = frozenset()

    @property
    def rows(self) -> int:
        """How many rows the reference has."""
        return len(self.frame)

    @cached_property
    def features(self) -> dict[str, Column]:
        """The reference's features as typed columns."""
        return {spec.name: self.feature_column(spec, self.frame[spec.name]) for spec in self.specs}

    def feature_column(self, spec: FeatureSpec, cells: Any) -> Column:
        """Return a feature as a typed column. An empty text is missing, since a reference cannot keep them apart."""
        return make_column(given(cells) if spec.kind == "category" else cells, spec.kind)

    @cached_property
    def outcomes(self) -> dict[str, Column]:
        """Predicted values, scores and truths as typed columns: numbers for what is counted, else categories."""
        return {name: self.outcome_column(name, self.frame[name]) for name in OUTCOMES if name in self.frame.columns}

    def outcome_column(self, name: str, cells: Any) -> Column:
        """Return values, scores or truths as a column of the kind that they have for this task."""
        is_number = name == "score" or self.model.task in _COUNTING
        return make_column(cells, "number" if is_number else "category")

    @cached_property
    def columns(self) -> dict[str, Column]:
        """Features and outcomes; a feature that is named as an outcome hides it."""
        return self.outcomes | self.features

    @property
    def drift_statistics(self) -> Statistics:
        """What each method of drift keeps, by method and column; for methods of all columns the column is ""."""
        return self._learnt[0]

    @property
    def quality_statistics(self) -> Statistics:
        """What each check of quality keeps, by check and feature; for checks of all features the feature is ""."""
        return self._learnt[1]

    @cached_property
    def _learnt(self) -> tuple[Statistics, Statistics, Cbpe | None]:
        found = self.kept.load() if self.kept else None
        if found is None:
            found = self._fit_drift(), self._fit_quality(), self._fit_cbpe()
            if self.kept:
                self.kept.save(*found)
        return found

    def _fit_drift(self) -> Statistics:
        found: Statistics = {}
        for name, column in self.columns.items():
            kind = kind_of(column)
            suiting = {
                method for method in self.methods & COLUMN_METHODS.keys() if kind in COLUMN_METHODS[method].suits
            }
            for method in (*DEFAULTS[kind], *sorted(suiting.difference(DEFAULTS[kind]))):
                found[method, name] = COLUMN_METHODS[method].fit(column)
        if self.features:
            for method in sorted({*TABLE_DEFAULTS, *(self.methods & TABLE_METHODS.keys())}):
                found[method, ""] = TABLE_METHODS[method].fit(self.features)
        return found

    def _fit_quality(self) -> Statistics:
        found: Statistics = {}
        for name, column in self.features.items():
            for check in checks_for(kind_of(column)):
                found[check.metric.name, name] = check.fit(column)
        if self.features:
            found |= {(name, ""): check.fit(self.features) for name, check in TABLE_CHECKS.items()}
        return found

    @cached_property
    def positive(self) -> str | None:
        """The positive class of a binary classifier, told by its names or, where these could be meant either way, by
        its scores: the class whose rows score higher. None for other tasks, and where neither tells.
        """
        if self.model.task != "binary" or "value" not in self.frame.columns:
            return None
        labels = [label_text(value) for value in self.frame["value"].dropna()]
        names = tuple(sorted({*labels, *map(label_text, self._known_truths())}))
        told = positive_class(names)
        if not isinstance(told, Undefined):
            return told
        if len(names) != 2 or "score" not in self.frame.columns:
            return None
        scores = self.frame.loc[self.frame["value"].notna(), "score"].to_numpy(dtype=np.float64)
        is_first = np.array([label == names[0] for label in labels])
        known = np.isfinite(scores)
        first, second = scores[is_first & known], scores[~is_first & known]
        if not len(first) or not len(second) or first.mean() == second.mean():
            return None
        return names[int(second.mean() > first.mean())]

    def _known_truths(self) -> list[object]:
        return list(self.frame["truth"].dropna()) if "truth" in self.frame.columns else []

    @cached_property
    def estimator(self) -> Cbpe | Dle | CbpeMulticlass | None:
        """What estimates performance before truth comes; None if the reference lacks what that takes."""
        if self.model.task == "binary":
            return self._learnt[2]
        if not {"truth", "value"} <= set(self.frame.columns):
            return None
        known = self.frame["truth"].notna()
        try:
            return self._fit_multiclass(known) if self.model.task == "multiclass" else self._fit_dle(self.frame[known])
        except InvalidInput:  # too few rows with all that it takes: no estimates then
            return None

    def _fit_cbpe(self) -> Cbpe | None:
        if not {"truth", "value", "score"} <= set(self.frame.columns) or self.positive is None:
            return None
        known = self.frame[self.frame["truth"].notna()]
        try:
            return fit_cbpe(self.as_flags(list(known["truth"])), known["score"].to_numpy(dtype=np.float64))
        except InvalidInput:  # as above
            return None

    @cached_property
    def scores_by_class(self) -> pd.DataFrame | None:
        """The scores of a classifier of several classes, a column for each; None if the reference has none."""
        columns = [str(name) for name in self.frame.columns if str(name).startswith(_BY_CLASS)]
        if self.model.task != "multiclass" or not columns:
            return None
        scores = {label_text(name.removeprefix(_BY_CLASS)): self.frame[name] for name in columns}
        numbers = {name: pd.to_numeric(column, errors="coerce") for name, column in scores.items()}
        return pd.DataFrame(numbers, index=self.frame.index)

    def _fit_multiclass(self, known: pd.Series[bool]) -> CbpeMulticlass | None:
        scores = self.scores_by_class
        truths = [label_text(value) for value in self.frame.loc[known, "truth"]]
        if scores is None or not set(truths) <= set(scores.columns):
            return None
        # A class that never was true has nothing to be calibrated by.
        classes = sorted(set(truths))
        return fit_cbpe_multiclass(truths, scores.loc[known, classes].to_numpy(dtype=np.float64), classes)

    def _fit_dle(self, known: pd.DataFrame) -> Dle | None:
        if self.model.task != "regression":
            return None
        return fit_dle(
            # A feature without any value in the reference teaches nothing, and the trees do not take it.
            {spec.name: known[spec.name].to_numpy() for spec in self.specs if known[spec.name].notna().any()},
            known["value"].to_numpy(dtype=np.float64),
            known["truth"].to_numpy(dtype=np.float64),
        )

    def as_flags(self, labels: Sequence[object]) -> NDArray[np.float64]:
        """Return 1 for the positive class, 0 for another, NaN where there is none."""
        cells = np.empty(len(labels), dtype=object)
        cells[:] = list(labels)
        known = ~is_missing(cells)
        flags = np.full(len(cells), np.nan)
        flags[known] = [float(label_text(label) == self.positive) for label in cells[known]]
        return flags

    def segments(self, feature: str) -> Segments | None:
        """Return how rows are grouped by a feature; None if the version has no such feature or knows no value of it."""
        spec = next((spec for spec in self.specs if spec.name == feature), None)
        if spec is None:
            return None
        try:
            return learn_segments(self.frame[feature].to_numpy(dtype=object), spec)
        except InvalidInput:
            return None


def make_baseline(
    model: Model,
    version: int,
    frame: pd.DataFrame,
    specs: Sequence[FeatureSpec],
    kept: KeptStatistics | None = None,
    methods: frozenset[str] = frozenset(),
) -> Baseline:
    """Return the baseline of a reference; features that the reference lacks are left out."""
    present = tuple(spec for spec in specs if spec.name in frame.columns)
    counted = {spec.name for spec in present if spec.kind == "number"} | {"score"}
    counted |= {str(name) for name in frame.columns if str(name).startswith(_BY_CLASS)} - {spec.name for spec in specs}
    if model.task in _COUNTING:
        counted |= {"value", "truth"}
    columns = {str(name): _column_read(column, str(name) in counted) for name, column in frame.items()}
    return Baseline(model, version, pd.DataFrame(columns, index=frame.index), present, kept, methods)


def given(cells: Any) -> NDArray[np.object_]:
    """Return cells with None for an empty text: a reference on disk cannot tell it from a cell that holds nothing."""
    found = np.empty(len(cells), dtype=object)
    found[:] = [None if isinstance(cell, str) and not cell else cell for cell in cells]
    return found


def _column_read(column: pd.Series[Any], is_counted: bool) -> pd.Series[Any]:
    """Return a column of a reference as it was before it was written: a file holds texts where some cells are empty."""
    if pd.api.types.is_numeric_dtype(column):
        return column
    cells = pd.Series(given(column), index=column.index, dtype=object)
    if not is_counted:
        return cells
    numbers = pd.to_numeric(cells, errors="coerce")
    is_text = numbers.isna() & cells.notna()
    return cells.where(is_text, numbers) if is_text.any() else numbers
