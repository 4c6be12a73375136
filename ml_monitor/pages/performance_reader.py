"""A metric of a model by chunk: realised and estimated, its bounds, its segments, and when its versions changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ml_core.errors import FieldError, InvalidInput
from ml_core.records import Model
from ml_core.store.base import Store
from ml_monitor.evaluation.gradings import MUTED
from ml_monitor.monitoring.performance.catalogue import METRICS, SKLEARN_NAMES, headline_of
from ml_monitor.monitoring.results import Metric
from ml_monitor.pages.points import Point, point_shown
from ml_monitor.pages.ranges import TimeRange
from ml_monitor.results.profile_store import ReferenceProfiles
from ml_monitor.results.results_store import Group, Result, list_chunkings, read_groups

LEAST_SPAN = timedelta(days=30)
"""Chunks are days, mostly: a range of hours shows these before its end, too."""
ENOUGH_TRUTH = 0.9
"""The share of a chunk's rows with truth below which its realised value may still move: it is drawn hollow."""
MOST_CHUNKS = 1000
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
CHUNKING = "day"


@dataclass(frozen=True, slots=True)
class ChunkPerformance:
    """A metric of one chunk: as realised, and as estimated before truth came. ``coverage`` is the share with truth."""

    start: datetime
    end: datetime
    realised: Point | None
    estimated: Point | None
    coverage: float | None

    @property
    def judged(self) -> Point | None:
        """The point whose bounds and state stand for the chunk: the realised one once it has a value."""
        if self.realised is None or (self.realised.value is None and self.estimated):
            return self.estimated
        return self.realised

    @property
    def is_late(self) -> bool:
        """Whether truth is still missing for so many rows that the realised value may move."""
        return self.coverage is not None and self.coverage < ENOUGH_TRUTH

    @property
    def is_muted(self) -> bool:
        """Whether the estimate has missed the realised value too often for an alert to rest on it."""
        return self.estimated is not None and MUTED in self.estimated.notes


@dataclass(frozen=True, slots=True)
class SegmentPerformance:
    """A metric of one segment in its newest chunk."""

    segment: str
    start: datetime
    point: Point


@dataclass(frozen=True, slots=True)
class Promotion:
    """When a version became the champion."""

    time: datetime
    version: int
    action: str


@dataclass(frozen=True, slots=True)
class Performance:
    """A model's metric by chunk, oldest first, over ``range``; ``reference`` is its value on the reference."""

    metric: str
    title: str
    chunking: str
    range: TimeRange
    chunks: tuple[ChunkPerformance, ...]
    reference: float | None
    segments: tuple[SegmentPerformance, ...]
    promotions: tuple[Promotion, ...]

    @property
    def has_estimates(self) -> bool:
        """Whether any chunk has an estimate, be it one without a value."""
        return any(chunk.estimated for chunk in self.chunks)


def chosen_metric(model: Model, wanted: str | None) -> Metric | None:
    """Return the metric asked for, by default the model's headline; raise ``InvalidInput`` for one there is not."""
    if not wanted:
        return headline_of(model.task, model.headline_metric)
    name = SKLEARN_NAMES.get(wanted, wanted)
    for metric in METRICS[model.task]:
        if metric.name == name:
            return metric
    known = ", ".join(metric.name for metric in METRICS[model.task]) or "none"
    message = f"expected one of {known}"
    raise InvalidInput(f"metric: {message}", [FieldError("metric", message)])


def chunk_range(time_range: TimeRange) -> TimeRange:
    """Return a range that holds chunks worth a look: at least the days before its end."""
    start = max(min(time_range.start, time_range.end - LEAST_SPAN), _EARLIEST)
    return TimeRange(start, time_range.end, time_range.window_seconds)


def wanted_groups(metric: Metric | None) -> dict[Group, frozenset[str] | None]:
    """Return the results that the page of a metric needs; none for a task that has no metrics."""
    if metric is None:
        return {}
    names = frozenset({metric.name})
    return {"performance": names, "estimate": names, "labels": frozenset({"label_coverage"})}


def other_chunking(store: Store, model: Model, wanted: TimeRange, metric: Metric | None) -> tuple[str, list[Result]]:
    """Return the first chunking but that by day by which a model's metric was measured, with the results."""
    for chunking in list_chunkings(store, model.name):
        if chunking != CHUNKING:
            groups = wanted_groups(metric)
            found = read_groups(store, model.name, groups, wanted.start, wanted.end, chunk=chunking, segment=None)
            if has_values(found):
                return chunking, found
    return CHUNKING, []


def has_values(found: Sequence[Result]) -> bool:
    """Return whether anything but the coverage of truth was measured."""
    return any(each.group != "labels" for each in found)


def show_performance(
    model: Model,
    wanted: TimeRange,
    metric: Metric | None,
    chunking: str,
    found: Sequence[Result],
    references: ReferenceProfiles | None,
) -> Performance | None:
    """Return a metric by chunk, out of its results; None if there are none."""
    if metric is None or not has_values(found):
        return None
    chunks = _chunks(found)[-MOST_CHUNKS:]
    # What was before the first check is no gap.
    shown = TimeRange(max(wanted.start, chunks[0].start), max(wanted.end, chunks[-1].end), wanted.window_seconds)
    return Performance(
        metric.name,
        metric.title,
        chunking,
        shown,
        chunks,
        references.performance.get(metric.name) if references else None,
        _segments(found),
        promotions_in(model, shown),
    )


def promotions_in(model: Model, shown: TimeRange) -> tuple[Promotion, ...]:
    """Return when versions of a model became champion within a range."""
    return tuple(
        Promotion(change.time, change.version, change.action)
        for change in model.stage_changes
        if shown.start <= change.time < shown.end
    )


def _chunks(found: Sequence[Result]) -> tuple[ChunkPerformance, ...]:
    points: dict[str, dict[tuple[datetime, datetime], Point]] = {"performance": {}, "estimate": {}, "labels": {}}
    for each in found:
        if not each.segment:
            points[each.group][each.start_time, each.end_time] = point_shown(each)
    realised, estimated, coverage = points["performance"], points["estimate"], points["labels"]
    return tuple(
        ChunkPerformance(
            *times,
            realised.get(times),
            estimated.get(times),
            coverage[times].value if times in coverage else None,
        )
        for times in sorted({*realised, *estimated})
    )


def _segments(found: Sequence[Result]) -> tuple[SegmentPerformance, ...]:
    """Return each segment in the newest chunk that has it, those beyond their bounds first."""
    newest: dict[str, Result] = {}
    for each in found:
        if each.segment and each.group == "performance":
            known = newest.get(each.segment)
            if known is None or each.start_time >= known.start_time:
                newest[each.segment] = each
    shown = [SegmentPerformance(each.segment, each.start_time, point_shown(each)) for each in newest.values()]
    return tuple(sorted(shown, key=lambda each: (each.point.state != "beyond", each.segment)))
