"""A summary of each model: its newest chunks at a glance, in one document, so that a page of all models reads one file.

Checks keep it up to date with what they have just measured: nothing is read for it. It says when it was made; what
changes between checks, such as an alert that somebody acknowledges or the newest prediction, is not in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from ml_core.clock import format_time, parse_time
from ml_core.errors import Conflict
from ml_core.records import Document
from ml_core.store.base import Store
from ml_monitor.monitoring.profiles.changes import Change, read_change
from ml_monitor.results.document_cache import read_cached

SUMMARIES = "model_summaries"
MOST_CHUNKS = 45
MOST_DRIFTED = 40
MOST_CHANGES = 6
SUMMARISED_CHUNK = "day"
ChunkState = Literal["ok", "beyond", "undefined", "not judged"]
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class ColumnChange:
    """A column that drifted in a chunk: its distance from the reference (0 to 1), and how it changed."""

    column: str
    distance: float
    change: Change | None


@dataclass(frozen=True, slots=True)
class ChunkSummary:
    """One chunk of a model. ``realised`` and ``estimated`` are its headline metric, None where there is no value.

    ``rows`` are its predictions and ``truths`` those whose truth had come. ``changes`` are of the columns that drifted
    most, worst first; ``drifted`` names all that did, of ``columns`` judged.
    """

    start_time: datetime
    end_time: datetime
    rows: int
    truths: int
    realised: float | None
    estimated: float | None
    state: ChunkState
    columns: int
    drifted: tuple[str, ...] = ()
    changes: tuple[ColumnChange, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Summary:
    """What checks know of a model: its headline metric by chunk, oldest first, and how it stood on the reference.

    Two are the same only if they are one object, so that what is derived from one can be kept for it.
    """

    model: str
    checked_time: datetime
    metric: str | None
    reference: float | None
    chunks: tuple[ChunkSummary, ...]

    @property
    def is_judged(self) -> bool:
        """Whether a check has held the headline metric or a column of one of the chunks against a bound."""
        return any(chunk.state in ("ok", "beyond") or chunk.columns for chunk in self.chunks)

    def drifting_since(self, column: str) -> datetime | None:
        """Return the start of the first of the newest chunks in which a column drifted without a break.

        One chunk in between that did not is no break, since alerts fire on two of three. None if it has not drifted in
        either of the newest two.
        """
        since, misses = None, 0
        for chunk in reversed(self.chunks):
            if column in chunk.drifted:
                since, misses = chunk.start_time, 0
            else:
                misses += 1
                if misses > 1:
                    break
        return since


def read_summaries(store: Store) -> dict[str, Summary]:
    """Return the summaries of all models that were checked, by model."""
    return {found.model: found for found in read_cached(store, SUMMARIES, _summary).values()}


def read_summary(store: Store, model: str) -> Summary | None:
    """Return the summary of one model; None if no check of it has measured anything."""
    document = store.get_document(SUMMARIES, _key(model))
    return None if document is None else _summary(document)


def update_summary(store: Store, fresh: Summary) -> None:
    """Take the chunks of ``fresh`` into a model's summary, each in the place of what was known of it before.

    Raises ``Conflict`` if other checks are in the way at every attempt.
    """
    for _ in range(_ATTEMPTS):
        document = store.get_document(SUMMARIES, _key(fresh.model))
        known = {chunk.start_time: chunk for chunk in _summary(document).chunks} if document else {}
        known |= {chunk.start_time: chunk for chunk in fresh.chunks}
        chunks = tuple(known[start] for start in sorted(known)[-MOST_CHUNKS:])
        content = _content(replace(fresh, chunks=chunks))
        revision = document.revision if document else None
        if store.put_document(SUMMARIES, _key(fresh.model), content, expected_revision=revision) is not None:
            return
    raise Conflict(f"the summary of model {fresh.model!r} is changed by others all the time; try again")


def _key(model: str) -> str:
    return f"model {model}"


_PLAIN: tuple[tuple[str, Callable[[ChunkSummary], Any]], ...] = (
    ("start_times", lambda chunk: format_time(chunk.start_time)),
    ("end_times", lambda chunk: format_time(chunk.end_time)),
    ("rows", lambda chunk: chunk.rows),
    ("truths", lambda chunk: chunk.truths),
    ("realised", lambda chunk: chunk.realised),
    ("estimated", lambda chunk: chunk.estimated),
    ("states", lambda chunk: chunk.state),
    ("columns", lambda chunk: chunk.columns),
    ("drifted", lambda chunk: list(chunk.drifted)),
)


def _content(summary: Summary) -> dict[str, Any]:
    """Return what is stored: a list for each number, and in words only how the columns of the newest chunks changed."""
    return {
        "model": summary.model,
        "checked_time": format_time(summary.checked_time),
        "metric": summary.metric,
        "reference": summary.reference,
        **{name: [plain(chunk) for chunk in summary.chunks] for name, plain in _PLAIN},
        "changes": [
            [
                format_time(chunk.start_time),
                [
                    [each.column, each.distance, each.change.to_dict() if each.change else None]
                    for each in chunk.changes
                ],
            ]
            for chunk in summary.chunks[-3:]
        ],
    }


def _summary(document: Document) -> Summary:
    content: Mapping[str, Any] = document.content
    changes = {start: tuple(map(_column_change, found)) for start, found in content["changes"]}
    lists: Sequence[Sequence[Any]] = [content[name] for name, _ in _PLAIN]
    chunks = tuple(
        ChunkSummary(
            *(parse_time(start), parse_time(end), rows, truths, realised, estimated, state, columns),
            drifted=tuple(drifted),
            changes=changes.get(start, ()),
        )
        for start, end, rows, truths, realised, estimated, state, columns, drifted in zip(*lists, strict=True)
    )
    checked_time = parse_time(content["checked_time"])
    return Summary(content["model"], checked_time, content["metric"], content["reference"], chunks)


def _column_change(values: Sequence[Any]) -> ColumnChange:
    column, distance, change = values
    return ColumnChange(column, distance, read_change(change) if change else None)
