"""What checks have found out about one model, for its page: alerts, performance by chunk, and drift by column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from ml_core.records import Model
from ml_core.store.base import Store
from ml_monitor.monitoring.drift.catalogue import DEFAULTS
from ml_monitor.monitoring.performance.catalogue import headline_of
from ml_monitor.monitoring.results import Undefined
from ml_monitor.pages.alert_lines import AlertLine, read_alert_lines
from ml_monitor.pages.ranges import TimeRange
from ml_monitor.results.results_store import Group, Result, is_checked, list_chunkings, read_results

JudgedState = Literal["ok", "beyond", "undefined", "not judged"]
DriftState = Literal["ok", "drifted", "undefined", "not judged"]

MOST_COLUMNS = 20
MOST_DRIFT_CHUNKS = 14
LEAST_SPAN = timedelta(days=30)
"""Chunks are days, mostly: a range of hours shows these before its end, too."""
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_CHUNKING = "day"
# Each kind of column has its default test first, then its default distance.
_TESTS = frozenset(names[0] for names in DEFAULTS.values())


@dataclass(frozen=True, slots=True)
class Point:
    """One metric of one chunk; ``undefined`` says why it has no value. ``lower`` and ``upper`` are its threshold's."""

    value: float | None
    undefined: str | None
    rows: int
    lower: float | None
    upper: float | None
    state: JudgedState
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChunkPerformance:
    """The headline metric of one chunk: as realised, and as estimated before truth came."""

    start: datetime
    end: datetime
    realised: Point | None
    estimated: Point | None

    @property
    def judged(self) -> Point | None:
        """The point whose bounds and state stand for the chunk: the realised one once it has a value."""
        if self.realised is None or (self.realised.value is None and self.estimated):
            return self.estimated
        return self.realised


@dataclass(frozen=True, slots=True)
class Performance:
    """A model's headline metric by chunk, oldest first, over ``range``."""

    metric: str
    title: str
    chunking: str
    range: TimeRange
    chunks: tuple[ChunkPerformance, ...]

    @property
    def has_estimates(self) -> bool:
        """Whether any chunk has an estimate, be it one without a value."""
        return any(chunk.estimated for chunk in self.chunks)


@dataclass(frozen=True, slots=True)
class DriftCell:
    """What the default test says of one column in one chunk."""

    state: DriftState
    test: str
    value: float | None
    p_value: float | None
    undefined: str | None


@dataclass(frozen=True, slots=True)
class DriftRow:
    """A column in the chunks of the table; None where a chunk has no result for it."""

    column: str
    cells: tuple[DriftCell | None, ...]


@dataclass(frozen=True, slots=True)
class DriftTable:
    """The worst of ``columns_total`` columns first, by the newest chunks, newest first."""

    chunking: str
    start_times: tuple[datetime, ...]
    rows: tuple[DriftRow, ...]
    columns_total: int


@dataclass(frozen=True, slots=True)
class Checked:
    """What is known of a model by its checks; ``is_checked`` says whether one has ever run."""

    is_checked: bool
    alerts: tuple[AlertLine, ...]
    performance: Performance | None
    drift: DriftTable | None


def read_checked(store: Store, model: Model, time_range: TimeRange, now: datetime) -> Checked:
    """Return what checks found of a model up to the end of the range; raise ``StoreUnavailable``."""
    start = max(min(time_range.start, time_range.end - LEAST_SPAN), _EARLIEST)
    wanted = TimeRange(start, time_range.end, time_range.window_seconds)
    chunkings = list_chunkings(store, model.name)
    chunking = _CHUNKING if _CHUNKING in chunkings else next(iter(chunkings), None)
    return Checked(
        is_checked=is_checked(store, model.name),
        alerts=read_alert_lines(store, now, model.name),
        performance=_performance(store, model, wanted, chunking) if chunking else None,
        drift=_drift(store, model, wanted, chunking) if chunking else None,
    )


def _performance(store: Store, model: Model, wanted: TimeRange, chunking: str) -> Performance | None:
    metric = headline_of(model.task, model.headline_metric)
    if metric is None:
        return None

    def read(group: Group) -> dict[tuple[datetime, datetime], Point]:
        names = frozenset({metric.name})
        found = read_results(store, model.name, group, wanted.start, wanted.end, chunk=chunking, names=names)
        return {(result.start_time, result.end_time): _point(result) for result in found}

    realised, estimated = read("performance"), read("estimate")
    times = sorted({*realised, *estimated})
    chunks = tuple(ChunkPerformance(*each, realised.get(each), estimated.get(each)) for each in times)
    if not chunks:
        return None
    # What was before the first check is no gap.
    shown = TimeRange(max(wanted.start, times[0][0]), wanted.end, wanted.window_seconds)
    return Performance(metric.name, metric.title, chunking, shown, chunks)


def _point(result: Result) -> Point:
    verdicts = result.verdicts.values()
    lower = [verdict["lower"] for verdict in verdicts if verdict["lower"] is not None]
    upper = [verdict["upper"] for verdict in verdicts if verdict["upper"] is not None]
    value, undefined = _value(result)
    return Point(
        value=value,
        undefined=undefined,
        rows=result.rows,
        # Of several rules the strictest is shown: it is crossed first.
        lower=max(lower, default=None),
        upper=min(upper, default=None),
        state=_state(verdicts, undefined),
        notes=result.notes,
    )


def _drift(store: Store, model: Model, wanted: TimeRange, chunking: str) -> DriftTable | None:
    found = read_results(store, model.name, "drift", wanted.start, wanted.end, chunk=chunking, names=_TESTS)
    by_column: dict[str, dict[tuple[datetime, datetime], DriftCell]] = {}
    for result in found:
        by_column.setdefault(result.column, {})[result.start_time, result.end_time] = _cell(result)
    times = sorted({time for cells in by_column.values() for time in cells}, reverse=True)[:MOST_DRIFT_CHUNKS]
    rows = [DriftRow(column, tuple(cells.get(time) for time in times)) for column, cells in by_column.items()]
    rows.sort(key=_worst_first)
    if not times:
        return None
    return DriftTable(chunking, tuple(start for start, _ in times), tuple(rows[:MOST_COLUMNS]), len(rows))


def _cell(result: Result) -> DriftCell:
    value, undefined = _value(result)
    state = _state(result.verdicts.values(), undefined)
    return DriftCell("drifted" if state == "beyond" else state, result.name, value, result.p_value, undefined)


def _state(verdicts: Iterable[Mapping[str, object]], undefined: str | None) -> JudgedState:
    said = {verdict["state"] for verdict in verdicts}
    if undefined is not None or said == {"undefined"}:
        return "undefined"
    if "beyond" in said:
        return "beyond"
    return "ok" if said else "not judged"


def _worst_first(row: DriftRow) -> tuple[int, int, float, str]:
    """Sort by how many chunks have drifted, then by whether the newest has, then by the smallest p-value."""
    drifted = [cell is not None and cell.state == "drifted" for cell in row.cells]
    chances = [cell.p_value for cell in row.cells if cell is not None and cell.p_value is not None]
    return -sum(drifted), -int(drifted[0]), min(chances, default=1.0), row.column


def _value(result: Result) -> tuple[float | None, str | None]:
    return (None, result.value.reason) if isinstance(result.value, Undefined) else (result.value, None)
