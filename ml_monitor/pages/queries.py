"""What the overview and the model page show, read straight from the store into plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

import pandas as pd

from ml_core.errors import ArtifactError
from ml_core.records import Feature, FeatureSpec, Model, ModelVersion, Stage, Task, Value
from ml_core.registry import Registry
from ml_core.store.base import Store
from ml_monitor.pages.alert_lines import AlertLine, firing, read_alert_lines
from ml_monitor.pages.checked import Checked, read_checked
from ml_monitor.pages.distribution import Distribution
from ml_monitor.pages.ranges import TimeRange, aligned
from ml_monitor.pages.reference import Reference, load_reference
from ml_monitor.pages.traffic import Volume, read_distribution, read_volume

State = Literal["critical", "warning", "stale", "no version", "no data", "ok"]
STATES: tuple[State, ...] = get_args(State)
"""Worst first: what an alert says is wrong, then what once worked and stopped, then what was never set up or used."""

MOST_VERSIONS = 50
NEWEST_PREDICTIONS = 20
_DAY = timedelta(days=1)
_HOUR_SECONDS = 3_600
# A prediction that is being stored while the page is read belongs to the last day.
_LITTLE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Metric:
    """A named number; on the pages always one of training, measured on held-out rows."""

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """One model at a glance.

    ``version`` is the champion's number; a model without one that has predictions ``is_served_elsewhere``.
    ``hourly_counts`` are the predictions of each hour that the last day touches, oldest first. ``alerts`` are those
    that fire and are not silenced, worst first: they give the model its state, be it stale or not.
    """

    name: str
    title: str
    seed_id: str | None
    task: Task
    state: State
    version: int | None
    is_served_elsewhere: bool
    headline: Metric | None
    predictions_last_day: int
    hourly_counts: tuple[int, ...]
    last_prediction_time: datetime | None
    is_stale: bool
    alerts: tuple[AlertLine, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """All models, worst first."""

    time: datetime
    stale_after_hours: float
    models: tuple[ModelSummary, ...]


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
class NewestPrediction:
    """A prediction as it was logged."""

    prediction_id: str
    time: datetime
    version: int | None
    value: Value
    score: float | None
    features: Mapping[str, Feature]


@dataclass(frozen=True, slots=True)
class ModelPage:
    """One model over a range of time.

    ``class_labels`` name the rows and columns of the champion's confusion matrix; ``example`` are features that it
    would take. ``versions`` are the newest of ``versions_total``. ``trouble`` says why a part is missing that should be
    there, such as a reference sample that cannot be read.
    """

    time: datetime
    stale_after_hours: float
    model: ModelSummary
    champion: VersionSummary | None
    class_labels: tuple[str, ...]
    example: Mapping[str, Feature]
    versions: tuple[VersionSummary, ...]
    versions_total: int
    range: TimeRange
    volume: Volume
    distribution: Distribution | None
    newest: tuple[NewestPrediction, ...]
    checked: Checked
    trouble: tuple[str, ...]


def read_overview(registry: Registry, now: datetime, stale_after_hours: float) -> Overview:
    """Return all models, worst first, then by name; raise ``StoreUnavailable``."""
    alerts = firing(read_alert_lines(registry.store, now))
    summaries = [
        _summarize(registry.store, model, registry.champion(model), now, stale_after_hours, alerts)
        for model in registry.store.list_models()
    ]
    ordered = sorted(summaries, key=lambda summary: (STATES.index(summary.state), summary.name))
    return Overview(now, stale_after_hours, tuple(ordered))


def read_model_page(
    registry: Registry, model_id: str, time_range: TimeRange, now: datetime, stale_after_hours: float
) -> ModelPage:
    """Return one model, by name or seed id; raise ``ModelNotFound`` and ``StoreUnavailable``."""
    model, store = registry.find(model_id), registry.store
    versions = [_version(model, version) for version in reversed(store.list_versions(model.name))]
    champion = registry.champion(model)
    reference, trouble = _reference(registry, champion)
    volume = read_volume(store, model.name, time_range)
    distribution, too_many = read_distribution(
        store, model.name, model.task, time_range, volume, reference.values if reference else None
    )
    checked = read_checked(store, model, time_range, now)
    return ModelPage(
        time=now,
        stale_after_hours=stale_after_hours,
        model=_summarize(store, model, champion, now, stale_after_hours, firing(checked.alerts)),
        champion=_version(model, champion) if champion else None,
        class_labels=_class_labels(champion, reference),
        example=_example(champion, reference),
        versions=tuple(versions[:MOST_VERSIONS]),
        versions_total=len(versions),
        range=time_range,
        volume=volume,
        distribution=distribution,
        newest=_newest(store, model.name, time_range),
        checked=checked,
        trouble=tuple(text for text in (trouble, too_many) if text),
    )


def _summarize(
    store: Store,
    model: Model,
    champion: ModelVersion | None,
    now: datetime,
    stale_after_hours: float,
    alerts: Sequence[AlertLine],
) -> ModelSummary:
    last = store.last_prediction_time(model.name)
    is_stale = last is not None and now - last > timedelta(hours=stale_after_hours)
    own = tuple(line for line in alerts if line.model == model.name)
    hourly = _hourly_counts(store, model.name, now) if last else ()
    metrics = _numbers(champion.metrics) if champion else {}
    headline = model.headline_metric
    return ModelSummary(
        name=model.name,
        title=model.title,
        seed_id=model.seed_id,
        task=model.task,
        state=_state(own, champion, last, is_stale),
        version=champion.number if champion else None,
        is_served_elsewhere=champion is None and last is not None,
        headline=Metric(headline, metrics[headline]) if headline in metrics else None,
        predictions_last_day=sum(hourly),
        hourly_counts=hourly,
        last_prediction_time=last,
        is_stale=is_stale,
        alerts=own,
    )


def _state(alerts: Sequence[AlertLine], champion: ModelVersion | None, last: datetime | None, is_stale: bool) -> State:
    if alerts:
        return alerts[0].severity  # the worst stands first
    if last is None:
        return "no data" if champion else "no version"
    return "stale" if is_stale else "ok"


def _hourly_counts(store: Store, model: str, now: datetime) -> tuple[int, ...]:
    start, end = now - _DAY, now + _LITTLE
    counts = store.count_predictions(model, start, end, timedelta(hours=1))
    first, last = aligned(start, _HOUR_SECONDS), aligned(now, _HOUR_SECONDS)
    hours = [first + timedelta(hours=hour) for hour in range((last - first) // timedelta(hours=1) + 1)]
    # What the little time past now brings belongs to the newest hour shown.
    return (*(counts.get(hour, 0) for hour in hours[:-1]), sum(n for hour, n in counts.items() if hour >= last))


def _version(model: Model, version: ModelVersion) -> VersionSummary:
    return VersionSummary(
        number=version.number,
        stage=model.stage_of(version.number),
        created_time=version.created_time,
        metrics=_numbers(version.metrics),
        confusion=_confusion(version.metrics.get("confusion_matrix")),
        features=version.features,
        parameters=dict(version.parameters),
        lineage=dict(version.lineage),
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


def _reference(registry: Registry, champion: ModelVersion | None) -> tuple[Reference | None, str | None]:
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


def _newest(store: Store, model: str, time_range: TimeRange) -> tuple[NewestPrediction, ...]:
    frame = store.predictions(model, time_range.start, time_range.end, newest=NEWEST_PREDICTIONS)
    rows = [
        NewestPrediction(
            prediction_id=row["prediction_id"],
            time=row["time"].to_pydatetime(),
            version=None if pd.isna(row["version"]) else int(row["version"]),
            value=row["value"],
            score=None if pd.isna(row["score"]) else row["score"],
            features=row["features"],
        )
        for row in frame.to_dict("records")
    ]
    return tuple(reversed(rows))
