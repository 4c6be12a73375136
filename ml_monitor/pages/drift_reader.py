"""Which columns of a model drifted in which chunks, worst first, and how each looked in one of the chunks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ml_core.errors import FieldError, InvalidInput
from ml_core.registry import Registry
from ml_core.store.base import Store
from ml_monitor.monitoring.drift.catalogue import DEFAULTS, TABLE_METHODS
from ml_monitor.monitoring.profiles.changes import Change, change_between
from ml_monitor.monitoring.profiles.profile import Profile
from ml_monitor.pages.performance_reader import chunk_range
from ml_monitor.pages.points import Point, point_shown
from ml_monitor.pages.ranges import TimeRange
from ml_monitor.pages.stories import OUTCOMES
from ml_monitor.results.profile_store import PROFILED_CHUNK, read_profiles_at, read_reference_profiles
from ml_monitor.results.results_store import Result, is_checked, read_results

DISTANCE = "jensen_shannon"
CellState = Literal["ok", "drifted", "undefined", "not judged", "none"]
MOST_CHUNKS = 62
# Each kind of column has its default test first, then its default distance.
TESTS = tuple(dict.fromkeys(names[0] for names in DEFAULTS.values()))


@dataclass(frozen=True, slots=True)
class Cell:
    """One column in one chunk: what the rules say, the distance (0 to 1), and the test with its p-value."""

    state: CellState
    distance: float | None
    test: str
    value: float | None
    p_value: float | None
    undefined: str | None


NO_CELL = Cell("none", None, "", None, None, None)


@dataclass(frozen=True, slots=True)
class Row:
    """One column over all chunks. ``since`` is when its newest run of drifted chunks began, None if it is well now.

    ``at`` is its cell in the chosen chunk, and ``change`` how it had changed there.
    """

    column: str
    is_outcome: bool
    cells: tuple[Cell, ...]
    drifted: int
    since: datetime | None
    at: Cell
    change: Change | None


@dataclass(frozen=True, slots=True)
class Whole:
    """A method of all columns together, by chunk."""

    method: str
    title: str
    points: tuple[Point | None, ...]


@dataclass(frozen=True, slots=True)
class DriftPage:
    """The columns of a model, those first that drifted in the chosen chunk, then by how often.

    ``start_times`` are the chunks, oldest first; ``at_time`` is the chosen one, None where there are none.
    """

    time: datetime
    model: str
    title: str
    chunking: str
    range: TimeRange
    is_checked: bool
    start_times: tuple[datetime, ...]
    at_time: datetime | None
    rows: tuple[Row, ...]
    wholes: tuple[Whole, ...]

    @property
    def drifted_now(self) -> tuple[Row, ...]:
        """The columns that drifted in the chosen chunk."""
        return tuple(row for row in self.rows if row.at.state == "drifted")


def read_drift_page(
    registry: Registry, model_id: str, time_range: TimeRange, now: datetime, at: datetime | None
) -> DriftPage:
    """Return how a model's columns drifted; ``at`` chooses the chunk that holds it, by default the newest.

    Raises ``ModelNotFound``, ``InvalidInput`` if no chunk holds ``at``, and ``StoreUnavailable``.
    """
    model, store = registry.find(model_id), registry.store
    wanted = range_holding(time_range, at)
    found = read_results(store, model.name, "drift", wanted.start, wanted.end, chunk=PROFILED_CHUNK)
    times = sorted({(each.start_time, each.end_time) for each in found})[-MOST_CHUNKS:]
    chosen = choose_chunk(times, at)
    cells, wholes = _cells(found), _wholes(found, [start for start, _ in times])
    changes = _changes(store, model.name, model.champion, chosen)
    rows = [_row(column, by_time, times, chosen, changes) for column, by_time in cells.items()]
    rows.sort(key=_worst_first)
    return DriftPage(
        now,
        model.name,
        model.title,
        PROFILED_CHUNK,
        wanted,
        bool(found) or is_checked(store, model.name),
        tuple(start for start, _ in times),
        chosen[0] if chosen else None,
        tuple(rows),
        wholes,
    )


def range_holding(time_range: TimeRange, at: datetime | None) -> TimeRange:
    """Return the range of chunks to show: that of the page, moved to hold a chosen moment that lies before it."""
    wanted = chunk_range(time_range)
    if at is None or wanted.start <= at < wanted.end:
        return wanted
    length = wanted.end - wanted.start
    end = at + length / 2
    return TimeRange(end - length, end, wanted.window_seconds)


def choose_chunk(times: Sequence[tuple[datetime, datetime]], at: datetime | None) -> tuple[datetime, datetime] | None:
    """Return the chunk that holds a moment, by default the newest; None where there are no chunks."""
    if not times:
        return None
    if at is None:
        return times[-1]
    for start, end in times:
        if start <= at < end:
            return start, end
    message = "expected a time within a chunk that a check has seen"
    raise InvalidInput(f"at: {message}", [FieldError("at", message)])


def cell_of(test: Result | None, distance: Result | None) -> Cell:
    """Return what the default test and the default distance say of a column in a chunk."""
    main = test or distance
    if main is None:
        return NO_CELL
    points = [point_shown(each) for each in (test, distance) if each is not None]
    states = [point.state for point in points]
    point = points[0]
    # A column has drifted if any rule on its test or its distance says so.
    state: CellState = "drifted" if "beyond" in states else "ok" if "ok" in states else states[0]  # type: ignore[assignment]
    far = point_shown(distance).value if distance else None
    return Cell(state, far, main.name, point.value, point.p_value, point.undefined)


def drifting_since(cells: Sequence[Cell], start_times: Sequence[datetime]) -> datetime | None:
    """Return when the newest run of drifted chunks began; one chunk in between that did not drift does not end it."""
    since, misses = None, 0
    for cell, start in zip(reversed(cells), reversed(start_times), strict=True):
        if cell.state == "drifted":
            since, misses = start, 0
        elif cell.state != "none":
            misses += 1
            if misses > 1:
                break
    return since


def _cells(found: Sequence[Result]) -> dict[str, dict[datetime, Cell]]:
    by_column: dict[str, dict[datetime, dict[str, Result]]] = {}
    for each in found:
        if each.column:
            by_column.setdefault(each.column, {}).setdefault(each.start_time, {})[each.name] = each
    return {
        column: {
            start: cell_of(next((named[test] for test in TESTS if test in named), None), named.get(DISTANCE))
            for start, named in by_time.items()
        }
        for column, by_time in by_column.items()
    }


def _wholes(found: Sequence[Result], starts: Sequence[datetime]) -> tuple[Whole, ...]:
    by_method: dict[str, dict[datetime, Point]] = {}
    for each in found:
        if not each.column and each.name in TABLE_METHODS:
            by_method.setdefault(each.name, {})[each.start_time] = point_shown(each)
    return tuple(
        Whole(method, TABLE_METHODS[method].metric.title, tuple(points.get(start) for start in starts))
        for method, points in by_method.items()
    )


def _changes(
    store: Store, model: str, version: int | None, chosen: tuple[datetime, datetime] | None
) -> Mapping[str, Change | None]:
    references = read_reference_profiles(store, model, version)
    if references is None or chosen is None:
        return {}
    current: Mapping[str, Profile] = read_profiles_at(store, model, chosen[0])
    return {
        column: change_between(before, current[column])
        for column, before in references.columns.items()
        if column in current
    }


def _row(
    column: str,
    by_time: Mapping[datetime, Cell],
    times: Sequence[tuple[datetime, datetime]],
    chosen: tuple[datetime, datetime] | None,
    changes: Mapping[str, Change | None],
) -> Row:
    starts = [start for start, _ in times]
    cells = tuple(by_time.get(start, NO_CELL) for start in starts)
    at = by_time.get(chosen[0], NO_CELL) if chosen else NO_CELL
    return Row(
        column,
        column in OUTCOMES,
        cells,
        sum(cell.state == "drifted" for cell in cells),
        drifting_since(cells, starts),
        at,
        changes.get(column),
    )


def _worst_first(row: Row) -> tuple[bool, float, int, str]:
    return row.at.state != "drifted", -(row.at.distance or 0.0), -row.drifted, row.column
