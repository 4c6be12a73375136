"""What the page of a model shows, read from summaries, metric points and rollups into plain values: never from rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ml_core.errors import ArtifactError
from ml_core.records import Feature, FeatureSpec, Model, ModelVersion, Stage
from ml_core.registry import Registry
from ml_monitor.monitoring.performance.catalogue import METRICS
from ml_monitor.pages.alert_lines import AlertLine, firing
from ml_monitor.pages.outcomes_reader import OutcomesShown, show_outcomes
from ml_monitor.pages.overview_reader import ModelRow, read_row
from ml_monitor.pages.performance_reader import (
    CHUNKING,
    Performance,
    chosen_metric,
    chunk_range,
    has_values,
    other_chunking,
    show_performance,
    wanted_groups,
)
from ml_monitor.pages.quality_reader import QualityShown, read_quality
from ml_monitor.pages.ranges import TimeRange
from ml_monitor.pages.reference import Reference, load_reference
from ml_monitor.pages.retraining_reader import RetrainingShown, read_retraining
from ml_monitor.results.profile_store import chunk_outcomes, outcomes_metric, read_reference_profiles
from ml_monitor.results.results_store import is_checked, prefixes_of, results_of
from ml_monitor.results.summaries import ColumnChange, read_summaries

MOST_VERSIONS = 50


@dataclass(frozen=True, slots=True)
class VersionSummary:
    """One version of a model. ``metrics`` are its numbers; ``confusion`` counts true classes by predicted ones."""

    number: int
    stage: Stage
    created_time: datetime
    metrics: Mapping[str, float]
    confusion: tuple[tuple[int, ...], ...] | None
    features: tuple[FeatureSpec, ...]
    parameters: Mapping[str, Any]
    lineage: Mapping[str, Any]
    reference_rows: int


@dataclass(frozen=True, slots=True)
class ModelPage:
    """One model over a range of time.

    ``is_judged`` says that the headline metric of one of its newest days was held against a bound. ``class_labels``
    name the rows and columns of the champion's confusion matrix; ``example`` are features that it would take, for a
    model that has not been asked yet. ``versions`` are the newest of ``versions_total``. ``metrics`` are those that can
    be chosen, by name. ``trouble`` says why a part is missing that should be there, such as a reference sample that
    cannot be read.
    """

    time: datetime
    stale_after_hours: float
    model: ModelRow
    is_checked: bool
    is_judged: bool
    alerts: tuple[AlertLine, ...]
    changes: tuple[ColumnChange, ...]
    metrics: Mapping[str, str]
    performance: Performance | None
    outcomes: OutcomesShown | None
    quality: QualityShown | None
    champion: VersionSummary | None
    class_labels: tuple[str, ...]
    example: Mapping[str, Feature]
    versions: tuple[VersionSummary, ...]
    versions_total: int
    range: TimeRange
    retraining: RetrainingShown
    trouble: tuple[str, ...]


def read_model_page(
    registry: Registry,
    model_id: str,
    time_range: TimeRange,
    now: datetime,
    stale_after_hours: float,
    lines: Sequence[AlertLine],
    metric: str | None = None,
    *,
    alpha: float = 0.05,
) -> ModelPage:
    """Return one model, by name or seed id; ``lines`` are the alerts of all, ``alpha`` decides on challengers.

    Raises ``ModelNotFound``, ``InvalidInput`` for a metric that there is not, and ``StoreUnavailable``.
    """
    model, store = registry.find(model_id), registry.store
    wanted = chunk_range(time_range)
    chosen = chosen_metric(model, metric)
    versions = [_version(model, version) for version in reversed(store.list_versions(model.name))]
    champion = registry.champion(model)
    summary = read_summaries(store).get(model.name)
    own = tuple(line for line in lines if line.model == model.name)
    last = store.last_prediction_time(model.name)
    row = read_row(registry, model, firing(own), summary, last, now, stale_after_hours)
    references = read_reference_profiles(store, model.name, model.champion)
    groups = wanted_groups(chosen)
    prefixes = [*prefixes_of(groups), outcomes_metric()]
    # One look at the store for all that the page draws by chunk.
    points = store.metric_points(model.name, prefixes, wanted.start, wanted.end, segment=None)
    results, chunking = results_of(points, groups), CHUNKING
    outcomes = chunk_outcomes(points)
    needs_sample = champion is not None and (row.last_prediction_time is None or "confusion_matrix" in champion.metrics)
    reference, trouble = read_sample(registry, champion) if needs_sample else (None, None)
    newest = summary.chunks[-1] if summary and summary.chunks else None
    if not has_values(results) and summary is None:
        chunking, results = other_chunking(store, model, wanted, chosen)
    return ModelPage(
        time=now,
        stale_after_hours=stale_after_hours,
        model=row,
        is_checked=summary is not None or is_checked(store, model.name),
        is_judged=summary is not None and any(chunk.state in ("ok", "beyond") for chunk in summary.chunks),
        alerts=own,
        changes=newest.changes if newest else (),
        metrics={each.name: each.title for each in METRICS[model.task]},
        performance=show_performance(model, wanted, chosen, chunking, results, references),
        outcomes=show_outcomes(outcomes, references.outcomes if references else None),
        quality=read_quality(store, model.name, newest.start_time if newest else None),
        champion=_version(model, champion) if champion else None,
        class_labels=_class_labels(champion, reference),
        example=_example(champion, reference),
        versions=tuple(versions[:MOST_VERSIONS]),
        versions_total=len(versions),
        range=time_range,
        retraining=read_retraining(store, model, alpha),
        trouble=(trouble,) if trouble else (),
    )


def _version(model: Model, version: ModelVersion) -> VersionSummary:
    return VersionSummary(
        number=version.number,
        stage=model.stage_of(version.number),
        created_time=version.created_time,
        metrics=_numbers(version.metrics),
        confusion=_confusion(version.metrics.get("confusion_matrix")),
        features=version.features,
        parameters=dict(version.parameters),
        # Tables within it are for programs: they have them from the store.
        lineage={name: value for name, value in version.lineage.items() if not isinstance(value, Mapping)},
        reference_rows=version.reference_rows,
    )


def _numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    return {
        name: value
        for name, value in metrics.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }


def _confusion(matrix: Any) -> tuple[tuple[int, ...], ...] | None:
    if not isinstance(matrix, Sequence) or not all(isinstance(row, Sequence) for row in matrix):
        return None
    return tuple(tuple(int(count) for count in row) for row in matrix)


def _class_labels(champion: ModelVersion | None, reference: Reference | None) -> tuple[str, ...]:
    """Return the labels of the champion's confusion matrix; their places if the sample does not hold them all."""
    matrix = _confusion(champion.metrics.get("confusion_matrix")) if champion else None
    if matrix is None:
        return ()
    if reference is not None and len(reference.labels) == len(matrix):
        return reference.labels
    return tuple(str(place) for place in range(len(matrix)))


def read_sample(registry: Registry, champion: ModelVersion | None) -> tuple[Reference | None, str | None]:
    """Return the champion's reference sample, or why it cannot be read; neither for a model that has none."""
    if champion is None or champion.artifact is None or not champion.reference_rows:
        return None, None
    try:
        return load_reference(registry.artifact_folder(champion), champion.artifact_sha256 or ""), None
    except ArtifactError as error:
        return None, f"The reference sample of version {champion.number} cannot be read: {error.message}."


def _example(champion: ModelVersion | None, reference: Reference | None) -> dict[str, Feature]:
    """Return features that the model would take: of the middle of its reference sample, where there is one."""
    if champion is None:
        return {}
    known = reference.example if reference else {}
    fallback: dict[str, Feature] = {"number": 1.0, "category": "a"}
    return {spec.name: known.get(spec.name, fallback[spec.kind]) for spec in champion.features}
