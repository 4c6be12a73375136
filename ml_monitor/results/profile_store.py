"""The profiles of columns and outcomes that checks keep: metric points of each chunk, and a document of each version.

A point is named ``<chunk>/profile/<column>`` or ``<chunk>/outcomes``; its details hold the profile. They are kept for
chunks by day alone, which are always measured: pages draw a column over time from these and never read a prediction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ml_core.records import Document, MetricPoint
from ml_core.store.base import Store
from ml_monitor.monitoring.profiles.outcomes import Outcomes, read_outcomes, to_plain
from ml_monitor.monitoring.profiles.profile import Profile, read_profile
from ml_monitor.results.document_cache import read_cached_one
from ml_monitor.results.results_store import fit_name

REFERENCES = "reference_profiles"
"""The kind of documents that hold what the reference of a version looks like."""
PROFILED_CHUNK = "day"
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class ChunkProfile:
    """What a column looked like in one chunk."""

    start_time: datetime
    end_time: datetime
    profile: Profile


@dataclass(frozen=True, slots=True)
class ChunkOutcomes:
    """What became of one chunk's predictions."""

    start_time: datetime
    end_time: datetime
    outcomes: Outcomes


@dataclass(frozen=True, slots=True)
class ReferenceProfiles:
    """What the reference of a version looks like: its columns by name and, where it holds truths, what it was worth.

    ``performance`` are its metrics by name, those that have a value; ``sha256`` tells of which reference all this is.
    """

    version: int
    sha256: str
    columns: Mapping[str, Profile]
    outcomes: Outcomes
    performance: Mapping[str, float]


def profile_points(
    model: str, start_time: datetime, end_time: datetime, columns: Mapping[str, Profile], outcomes: Outcomes
) -> list[MetricPoint]:
    """Return the points of one chunk; they count nothing, since a profile is no number."""
    details: list[tuple[str, dict[str, Any]]] = [
        (profile_metric(column), {"column": column, **profile.to_dict()}) for column, profile in columns.items()
    ]
    plain = to_plain(outcomes)
    if plain:
        details.append((outcomes_metric(), plain))
    return [MetricPoint(model, metric, start_time, end_time, 0, 0.0, 0.0, details=kept) for metric, kept in details]


def profile_metric(column: str) -> str:
    """Return the name of the points that hold the profiles of a column."""
    return fit_name(f"{PROFILED_CHUNK}/profile/{column}")


def outcomes_metric() -> str:
    """Return the name of the points that hold outcomes."""
    return f"{PROFILED_CHUNK}/outcomes"


def read_profiles(store: Store, model: str, column: str, start: datetime, end: datetime) -> list[ChunkProfile]:
    """Return a column's profiles of the chunks that start in ``start <= time < end``, oldest first."""
    metric = profile_metric(column)
    return [
        ChunkProfile(point.start_time, point.end_time, read_profile(point.details))
        for point in store.metric_points(model, [metric], start, end)
        if point.metric == metric
    ]


def read_profiles_at(store: Store, model: str, start: datetime) -> dict[str, Profile]:
    """Return the profiles of all columns in the chunk that starts at a time, by column."""
    points = store.metric_points(model, [f"{PROFILED_CHUNK}/profile/"], start, start + timedelta(microseconds=1))
    return {point.details["column"]: read_profile(point.details) for point in points}


def chunk_outcomes(points: Iterable[MetricPoint]) -> list[ChunkOutcomes]:
    """Return the outcomes among some points, in their order; others are passed over."""
    return [
        ChunkOutcomes(point.start_time, point.end_time, read_outcomes(point.details))
        for point in points
        if point.metric == outcomes_metric()
    ]


def keep_reference(store: Store, model: str, reference: ReferenceProfiles) -> None:
    """Keep what a version's reference looks like, in the place of what was kept of another reference of it."""
    content = {
        "model": model,
        "sha256": reference.sha256,
        # Pairs: the order of columns is that of the model's features, and a store may sort the keys of an object.
        "columns": [[column, profile.to_dict()] for column, profile in reference.columns.items()],
        "outcomes": to_plain(reference.outcomes),
        "performance": dict(reference.performance),
    }
    key = _key(model, reference.version)
    for _ in range(_ATTEMPTS):  # two checks of one model may be about the same
        document = store.get_document(REFERENCES, key)
        if document is not None and document.content == content:
            return
        revision = document.revision if document else None
        if store.put_document(REFERENCES, key, content, expected_revision=revision) is not None:
            return


def read_reference_profiles(store: Store, model: str, version: int | None) -> ReferenceProfiles | None:
    """Return what the reference of a version looks like; None if no check has kept it."""
    if version is None:
        return None
    return read_cached_one(store, REFERENCES, _key(model, version), _reference)


def _reference(document: Document) -> ReferenceProfiles:
    content = document.content
    columns = {column: read_profile(kept) for column, kept in content["columns"]}
    version = int(document.key.rpartition(" ")[2])
    outcomes, performance = read_outcomes(content["outcomes"]), content["performance"]
    return ReferenceProfiles(version, content["sha256"], columns, outcomes, performance)


def _key(model: str, version: int) -> str:
    return f"model {model} version {version}"
