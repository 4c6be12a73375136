"""What the API tells of a model's results: which are asked for, and what their metrics are called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from ml_core.clock import Clock
from ml_core.errors import FieldError, InvalidInput
from ml_core.records import Model, Task
from ml_core.registry import Registry
from ml_monitor.monitoring.chunks import parse_chunking
from ml_monitor.monitoring.drift.catalogue import COLUMN_METHODS, TABLE_METHODS
from ml_monitor.monitoring.estimation.estimates import (
    CLASSIFICATION_METRICS,
    CONCEPT_DRIFT_NOTE,
    CONFUSION_METRICS,
    LOSS_METRICS,
)
from ml_monitor.monitoring.horizons import BY_HORIZON, segment_order
from ml_monitor.monitoring.performance.catalogue import LABEL_METRICS, METRICS
from ml_monitor.monitoring.quality.catalogue import COLUMN_CHECKS, TABLE_CHECKS
from ml_monitor.monitoring.results import Metric
from ml_monitor.results.results_store import Group, Result, list_chunkings, read_results

Topic = Literal["performance", "drift", "estimates", "quality"]
DEFAULT_CHUNKING = "day"
DEFAULT_SPAN = timedelta(days=30)
CHECK_COMMAND = "python -m ml_monitor check"

# How late truth comes belongs to what can be said of realised performance.
_GROUPS: Mapping[Topic, tuple[Group, ...]] = {
    "performance": ("performance", "labels"),
    "drift": ("drift",),
    "estimates": ("estimate",),
    "quality": ("quality",),
}
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which results are asked for. ``segment`` "" is that of all rows, None stands for every segment.

    ``segment_by`` leaves only segments of this feature; of forecasts those by ``series`` or by ``horizon``.
    """

    chunking: str = DEFAULT_CHUNKING
    start: datetime | None = None
    end: datetime | None = None
    segment: str | None = ""
    metric: str | None = None
    column: str | None = None
    segment_by: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The results of chunks that start in ``start <= time < end``, by chunk and segment, and what was measured at all.

    ``metrics`` says how to read each metric by group and name, ``notes`` what holds for all results.
    """

    model: Model
    chunking: str
    chunkings: tuple[str, ...]
    start: datetime
    end: datetime
    results: tuple[Result, ...]
    metrics: Mapping[tuple[Group, str], Metric]
    notes: tuple[str, ...]


def find_results(registry: Registry, clock: Clock, model_id: str, topic: Topic, wanted: Wanted) -> Answer:
    """Return a model's results on a topic.

    Raises ``ModelNotFound``, and ``InvalidInput`` for a chunking that no check has used and for times out of order.
    A model of which nothing was measured yet has an empty answer.
    """
    model = registry.find(model_id)
    start, end = _range(wanted, clock.now())
    chunking = wanted.chunking
    parse_chunking(chunking)
    known = tuple(list_chunkings(registry.store, model.name))
    if known and chunking not in known:
        message = f"no check has measured by {chunking}; known: {', '.join(known)}. {CHECK_COMMAND} makes results"
        raise InvalidInput(f"chunking: {message}", [FieldError("chunking", message)])
    bounds: dict[str, Any] = {"chunk": chunking, "segment": wanted.segment}
    if wanted.column is not None:
        bounds["columns"] = frozenset({wanted.column})
    if wanted.metric is not None:
        bounds["names"] = frozenset({wanted.metric})
    found = [
        result
        for group in _GROUPS[topic]
        for result in read_results(registry.store, model.name, group, start, end, **bounds)
        if wanted.segment_by in (None, result.segment_by)
    ]
    found.sort(key=_order)
    notes = (CONCEPT_DRIFT_NOTE,) if topic == "estimates" else ()
    metrics = {(group, metric.name): metric for group in _GROUPS[topic] for metric in _metrics(group, model.task)}
    return Answer(model, chunking, known, start, end, tuple(found), metrics, notes)


def with_notes(answer: Answer) -> tuple[Result, ...]:
    """Return the results with the notes that hold for all of them, for forms that have no other place for these."""
    return tuple(
        replace(result, notes=tuple(dict.fromkeys((*result.notes, *answer.notes)))) for result in answer.results
    )


def _order(result: Result) -> tuple[Any, ...]:
    # By how far they look ahead: +5min comes before +1h.
    place = segment_order(result.segment) if result.segment_by == BY_HORIZON else (result.segment, 0, 0)
    return result.start_time, result.end_time, result.segment_by, *place, result.group, result.name, result.column


def _range(wanted: Wanted, now: datetime) -> tuple[datetime, datetime]:
    end = wanted.end or now
    start = wanted.start or max(end - DEFAULT_SPAN, _EARLIEST)
    errors = []
    if start < _EARLIEST:
        errors.append(FieldError("from", "expected a time from 1970 on"))
    elif start >= end:
        errors.append(FieldError("to", "expected a time after from, which is 30 days before it unless given"))
    if errors:
        raise InvalidInput("; ".join(f"{error.field}: {error.message}" for error in errors), errors)
    return start, end


def _metrics(group: Group, task: Task) -> Iterable[Metric]:
    if group == "performance":
        return METRICS[task]
    if group == "labels":
        return LABEL_METRICS
    if group == "estimate":
        return (*CLASSIFICATION_METRICS, *CONFUSION_METRICS, *LOSS_METRICS)
    if group == "drift":
        return [*(each.metric for each in COLUMN_METHODS.values()), *(each.metric for each in TABLE_METHODS.values())]
    return [*(each.metric for each in COLUMN_CHECKS.values()), *(each.metric for each in TABLE_CHECKS.values())]
