"""Keeps what pages show of a chunk beside its results: profiles of its columns, its outcomes, the model's summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
import pandas as pd

from ml_core.records import Model
from ml_core.store.base import Store
from ml_monitor.evaluation.baseline import Baseline
from ml_monitor.evaluation.chunk_finder import Stretch
from ml_monitor.evaluation.gradings import MUTED
from ml_monitor.evaluation.measuring import columns_of, measure_performance
from ml_monitor.monitoring.performance.catalogue import headline_of
from ml_monitor.monitoring.profiles.changes import change_between
from ml_monitor.monitoring.profiles.outcomes import Outcomes, outcomes_of
from ml_monitor.monitoring.profiles.profile import Profile, profile_of
from ml_monitor.monitoring.results import Undefined
from ml_monitor.results.profile_store import (
    PROFILED_CHUNK,
    ReferenceProfiles,
    keep_reference,
    profile_points,
    read_reference_profiles,
)
from ml_monitor.results.results_store import Result
from ml_monitor.results.summaries import (
    MOST_CHANGES,
    MOST_DRIFTED,
    ChunkState,
    ChunkSummary,
    ColumnChange,
    Summary,
    update_summary,
)

_DISTANCE = "jensen_shannon"


class Profiler:
    """Profiles the chunks of one model in one check. Chunks by another measure than the day are passed over."""

    def __init__(self, store: Store, model: Model) -> None:
        self.store = store
        self.model = model
        headline = headline_of(model.task, model.headline_metric)
        self._metric = headline.name if headline else None
        self._references: dict[int, ReferenceProfiles] = {}
        self._newest: int | None = None
        self._chunks: list[ChunkSummary] = []

    def keep_reference(self, baseline: Baseline, sha256: str) -> None:
        """Keep what the reference of a version looks like, unless that is kept already."""
        found = read_reference_profiles(self.store, self.model.name, baseline.version)
        if found is None or found.sha256 != sha256:
            found = _reference(baseline, sha256)
            keep_reference(self.store, self.model.name, found)
        self._references[baseline.version] = found

    def add(
        self, chunk: str, stretch: Stretch, frame: pd.DataFrame, baseline: Baseline | None, results: Sequence[Result]
    ) -> None:
        """Store the profiles of a chunk that was just judged; what it adds to the summary is kept for ``finish``."""
        if chunk != PROFILED_CHUNK:
            return
        profiles = _profiles(columns_of(baseline, frame)) if baseline else {}
        outcomes = _outcomes(self.model.task, frame, baseline)
        points = profile_points(self.model.name, stretch.start_time, stretch.end_time, profiles, outcomes)
        self.store.put_metric_points(points)
        reference = self._references.get(baseline.version) if baseline else None
        self._newest = baseline.version if baseline else None
        self._chunks.append(_summarise(stretch, frame, self._metric, results, profiles, reference))

    def finish(self, as_of: datetime) -> None:
        """Take the chunks into the model's summary. Raises ``Conflict`` as ``update_summary`` does."""
        if not self._chunks:
            return
        reference = self._references.get(self._newest) if self._newest is not None else None
        value = reference.performance.get(self._metric or "") if reference else None
        update_summary(self.store, Summary(self.model.name, as_of, self._metric, value, tuple(self._chunks)))


def _reference(baseline: Baseline, sha256: str) -> ReferenceProfiles:
    frame, task = baseline.frame, baseline.model.task
    performance: dict[str, float] = {}
    outcomes = Outcomes()
    if {"truth", "value"} <= set(frame.columns):
        outcomes = _outcomes(task, frame, baseline)
        measured = measure_performance(
            task, frame["truth"].to_numpy(), frame["value"].to_numpy(), _scores(frame), baseline.positive
        )
        performance = {
            name: float(each.value) for name, each in measured.items() if not isinstance(each.value, Undefined)
        }
    return ReferenceProfiles(baseline.version, sha256, _profiles(baseline.columns), outcomes, performance)


def _profiles(columns: Mapping[str, object]) -> dict[str, Profile]:
    return {name: profile_of(column) for name, column in columns.items()}  # type: ignore[arg-type]


def _outcomes(task: str, frame: pd.DataFrame, baseline: Baseline | None) -> Outcomes:
    positive = baseline.positive if baseline else None
    known = frame["truth"].notna().to_numpy()
    if not known.any():
        return Outcomes()
    truths, values = frame["truth"].to_numpy(dtype=object)[known], frame["value"].to_numpy(dtype=object)[known]
    return outcomes_of(task, truths, values, _scores(frame)[known], positive)


def _scores(frame: pd.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    if "score" not in frame.columns:
        return np.full(len(frame), np.nan)
    return np.asarray(frame["score"], dtype=np.float64)


def _summarise(
    stretch: Stretch,
    frame: pd.DataFrame,
    metric: str | None,
    results: Sequence[Result],
    profiles: Mapping[str, Profile],
    reference: ReferenceProfiles | None,
) -> ChunkSummary:
    realised = _headline(results, "performance", metric)
    estimated = _headline(results, "estimate", metric)
    judged = realised if realised and not isinstance(realised.value, Undefined) else estimated or realised
    drifted, judged_columns = _drifted(results)
    return ChunkSummary(
        stretch.start_time,
        stretch.end_time,
        len(frame),
        int(frame["truth"].notna().sum()),
        _value(realised),
        _value(estimated),
        _state(judged),
        judged_columns,
        tuple(sorted(drifted, key=lambda column: (-drifted[column], column))[:MOST_DRIFTED]),
        _changes(results, drifted, profiles, reference),
    )


def _headline(results: Sequence[Result], group: str, metric: str | None) -> Result | None:
    return next((each for each in results if each.group == group and each.name == metric and not each.segment), None)


def _value(result: Result | None) -> float | None:
    """Return the value of a result; None also for an estimate that is muted, since nobody should rely on it."""
    if result is None or isinstance(result.value, Undefined) or MUTED in result.notes:
        return None
    return result.value


def _state(result: Result | None) -> ChunkState:
    if result is None:
        return "not judged"
    said = {verdict["state"] for verdict in result.verdicts.values()}
    if isinstance(result.value, Undefined) or said == {"undefined"}:
        return "undefined"
    if "beyond" in said:
        return "beyond"
    return "ok" if said else "not judged"


def _drifted(results: Sequence[Result]) -> tuple[dict[str, float], int]:
    """Return the columns that drifted with their distance from the reference, and how many were judged."""
    judged = {each.column for each in results if each.group == "drift" and each.column and each.verdicts}
    distances = _distances(results)
    return {
        each.column: distances.get(each.column, 0.0)
        for each in results
        if each.group == "drift" and each.column and _is_beyond(each)
    }, len(judged)


def _distances(results: Sequence[Result]) -> dict[str, float]:
    return {
        each.column: each.value
        for each in results
        if each.group == "drift" and each.name == _DISTANCE and not isinstance(each.value, Undefined)
    }


def _changes(
    results: Sequence[Result],
    drifted: Mapping[str, float],
    profiles: Mapping[str, Profile],
    reference: ReferenceProfiles | None,
) -> tuple[ColumnChange, ...]:
    """Return how the columns changed that drifted or whose data went bad, worst first."""
    worst = dict(drifted)
    for each in results:
        if each.group == "quality" and each.column and _is_beyond(each) and not isinstance(each.value, Undefined):
            worst[each.column] = max(worst.get(each.column, 0.0), each.value)
    if reference is None:
        return ()
    by_rank = sorted(worst, key=lambda column: (-worst[column], column))
    return tuple(
        ColumnChange(column, worst[column], change_between(reference.columns[column], profiles[column]))
        for column in by_rank
        if column in reference.columns and column in profiles
    )[:MOST_CHANGES]


def _is_beyond(result: Result) -> bool:
    return any(verdict["state"] == "beyond" for verdict in result.verdicts.values())
