"""One column of a model: its statistic by chunk, and its distribution on the reference, in a chunk, and over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ml_core.errors import FieldError, InvalidInput, NotFound
from ml_core.registry import Registry
from ml_monitor.monitoring.columns import ColumnKind
from ml_monitor.monitoring.drift.catalogue import COLUMN_METHODS
from ml_monitor.monitoring.profiles.beside import common_scale, shares_on
from ml_monitor.monitoring.profiles.changes import Change, change_between
from ml_monitor.monitoring.profiles.profile import CategoryProfile, NumberProfile, Profile
from ml_monitor.pages.drift_reader import DISTANCE, TESTS, Cell, cell_of, choose_chunk, drifting_since, range_holding
from ml_monitor.pages.points import Point, point_shown
from ml_monitor.pages.ranges import TimeRange
from ml_monitor.pages.shares import SharesShown, shares_shown
from ml_monitor.results.profile_store import ChunkProfile, read_profiles, read_reference_profiles
from ml_monitor.results.results_store import Result, read_results


@dataclass(frozen=True, slots=True)
class ColumnChunk:
    """The column in one chunk: its statistic, what the rules say of it, and how its values spread.

    ``middle`` is the median of numbers with ``low`` and ``high``, the 5th and 95th percentile; of categories ``shares``
    are those of the page's ``labels``. ``missing`` is the share of cells without a value.
    """

    start: datetime
    end: datetime
    rows: int
    cell: Cell
    point: Point | None
    missing: float | None
    low: float | None
    lower_quarter: float | None
    middle: float | None
    upper_quarter: float | None
    high: float | None
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ColumnPage:
    """One column over a range. ``method`` is the statistic shown, of ``methods``; ``kind`` is None before any check.

    ``shown_from`` to ``shown_to`` is what the reference is compared with: a chosen chunk, else all chunks since the
    column began to drift, else the newest.
    """

    time: datetime
    model: str
    title: str
    column: str
    kind: ColumnKind | None
    range: TimeRange
    method: str
    methods: tuple[str, ...]
    rules: tuple[str, ...]
    labels: tuple[str, ...]
    chunks: tuple[ColumnChunk, ...]
    reference: Profile | None
    reference_shares: tuple[float, ...]
    drifted: int
    since: datetime | None
    at_time: datetime | None
    is_chosen: bool
    shown_from: datetime | None
    shown_to: datetime | None
    shares: SharesShown | None
    change: Change | None
    version: int | None


def read_column_page(
    registry: Registry,
    model_id: str,
    column: str,
    time_range: TimeRange,
    now: datetime,
    at: datetime | None,
    method: str | None,
) -> ColumnPage:
    """Return one column of a model.

    Raises ``ModelNotFound``, ``NotFound`` for a column that neither the champion has nor any check has seen,
    ``InvalidInput`` for a method it is not measured by and for ``at`` outside all chunks, and ``StoreUnavailable``.
    """
    model, store = registry.find(model_id), registry.store
    wanted = range_holding(time_range, at)
    results = read_results(store, model.name, "drift", wanted.start, wanted.end, columns=frozenset({column}))
    profiles = read_profiles(store, model.name, column, wanted.start, wanted.end)
    references = read_reference_profiles(store, model.name, model.champion)
    reference = references.columns.get(column) if references else None
    if not results and not profiles and reference is None and not _is_feature(registry, model_id, column):
        raise NotFound(f"model {model.name!r} has no column {column[:60]!r} that a check has seen")
    methods = tuple(name for name in COLUMN_METHODS if any(each.name == name for each in results))
    chosen_method = _chosen_method(method, methods)
    times = sorted({*((each.start_time, each.end_time) for each in results), *map(_times, profiles)})
    scale = common_scale([*([reference] if reference else []), *(each.profile for each in profiles)])
    labels = scale.labels
    chunks = _chunks(times, results, profiles, chosen_method, labels)
    cells, starts = [chunk.cell for chunk in chunks], [chunk.start for chunk in chunks]
    since = drifting_since(cells, starts)
    chosen = choose_chunk(times, at)
    compared = _compared(profiles, chosen if at is not None else None, since, cells, starts)
    now_shown = [each.profile for each in compared]
    shown_scale = common_scale([*([reference] if reference else []), *now_shown])
    newest = compared[-1].profile if compared else None
    return ColumnPage(
        time=now,
        model=model.name,
        title=model.title,
        column=column,
        kind=_kind([*([reference] if reference else []), *(each.profile for each in profiles)]),
        range=wanted,
        method=chosen_method,
        methods=methods,
        rules=tuple(dict.fromkeys(rule for each in results for rule in each.verdicts)),
        labels=labels,
        chunks=chunks,
        reference=reference,
        reference_shares=shares_on(reference, scale) if reference and labels else (),
        drifted=sum(cell.state == "drifted" for cell in cells),
        since=since,
        at_time=chosen[0] if chosen else None,
        is_chosen=at is not None,
        shown_from=compared[0].start_time if compared else None,
        shown_to=compared[-1].end_time if compared else None,
        shares=shares_shown(shown_scale, reference, now_shown) if now_shown else None,
        change=change_between(reference, newest) if reference and newest else None,
        version=model.champion,
    )


def _times(chunk: ChunkProfile) -> tuple[datetime, datetime]:
    return chunk.start_time, chunk.end_time


def _is_feature(registry: Registry, model_id: str, column: str) -> bool:
    champion = registry.champion(registry.find(model_id))
    return champion is not None and any(spec.name == column for spec in champion.features)


def _chosen_method(wanted: str | None, methods: Sequence[str]) -> str:
    if not wanted:
        return next((name for name in TESTS if name in methods), methods[0] if methods else "")
    if wanted not in methods:
        message = f"expected one of {', '.join(methods) or 'none, since no check has measured this column'}"
        raise InvalidInput(f"method: {message}", [FieldError("method", message)])
    return wanted


def _chunks(
    times: Sequence[tuple[datetime, datetime]],
    results: Sequence[Result],
    profiles: Sequence[ChunkProfile],
    method: str,
    labels: Sequence[str],
) -> tuple[ColumnChunk, ...]:
    named: dict[datetime, dict[str, Result]] = {}
    for each in results:
        named.setdefault(each.start_time, {})[each.name] = each
    looked = {each.start_time: each.profile for each in profiles}
    found = []
    for start, end in times:
        own, profile = named.get(start, {}), looked.get(start)
        cell = cell_of(next((own[test] for test in TESTS if test in own), None), own.get(DISTANCE))
        shown = own.get(method)
        low, lower_quarter, middle, upper_quarter, high = _quantiles(profile)
        found.append(
            ColumnChunk(
                start,
                end,
                profile.rows if profile else shown.rows if shown else 0,
                cell,
                point_shown(shown) if shown else None,
                profile.missing if profile else None,
                low,
                lower_quarter,
                middle,
                upper_quarter,
                high,
                _shares(profile, labels),
            )
        )
    return tuple(found)


def _quantiles(profile: Profile | None) -> tuple[float | None, ...]:
    if not isinstance(profile, NumberProfile) or not profile.known:
        return (None,) * 5
    return tuple(profile.quantile(level) for level in (0.05, 0.25, 0.5, 0.75, 0.95))


def _shares(profile: Profile | None, labels: Sequence[str]) -> tuple[float, ...]:
    if profile is None or not labels:
        return ()
    if isinstance(profile, CategoryProfile):
        return tuple(profile.share_of(label) for label in labels)
    counts = {f"{value:.6g}": count for value, count in profile.counts}
    return tuple(counts.get(label, 0) / profile.known if profile.known else 0.0 for label in labels)


def _compared(
    profiles: Sequence[ChunkProfile],
    chosen: tuple[datetime, datetime] | None,
    since: datetime | None,
    cells: Sequence[Cell],
    starts: Sequence[datetime],
) -> list[ChunkProfile]:
    """Return the chunks that the reference is compared with: the chosen one, else those that drifted of late."""
    if chosen is not None:
        return [each for each in profiles if each.start_time == chosen[0]]
    if since is not None:
        bad = {start for start, cell in zip(starts, cells, strict=True) if cell.state == "drifted" and start >= since}
        drifted = [each for each in profiles if each.start_time in bad]
        if drifted:
            return drifted
    return list(profiles[-1:])


def _kind(profiles: Sequence[Profile]) -> ColumnKind | None:
    if not profiles:
        return None
    return "number" if isinstance(profiles[0], NumberProfile) else "category"
