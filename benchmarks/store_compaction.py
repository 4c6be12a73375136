"""Compaction of the JSON store: what a packed day takes on disk, and how long it takes to read beside a plain one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.figures import DAY, MODEL, Figure, Sizes, a_day, in_turns, milliseconds, progress, seconds_of
from ml_core.records import GroundTruth, Prediction
from ml_core.store.json_store import JsonStore

_START = datetime(2026, 11, 20, tzinfo=UTC)
_END = _START + DAY


def measure(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Yield the figures of compaction; the control is the same day as it was recorded."""
    rows = sizes.rows_per_packed_day
    progress(f"compaction: a day of {rows:,} predictions with their truths")
    day = a_day(_START, rows)
    plain, packed = _store(folder / "plain", day), _store(folder / "packed", day)
    before = _bytes(packed)
    seconds = seconds_of(lambda: packed.compact(_END, progress))
    after = _bytes(packed)
    yield Figure(
        f"bytes per prediction and truth, packed / plain ({rows / seconds:,.0f} packed a second)",
        f"{after / before:.2f} [{after / rows:.0f} against {before / rows:.0f}]",
        "at most 0.33",
        after / before <= 0.33,
        _bytes(plain) == before,
    )
    pairs = in_turns(
        sizes.reads,
        lambda number: seconds_of(lambda: packed.predictions(MODEL, _START, _END)),
        lambda number: seconds_of(lambda: plain.predictions(MODEL, _START, _END)),
    )
    assert packed.scored(MODEL, _START, _END).equals(plain.scored(MODEL, _START, _END))
    name = f"a day of {rows:,} predictions to a DataFrame, packed / plain"
    yield Figure(name, pairs.show(milliseconds), "at most 1.5", pairs.ratio <= 1.5)


def _store(folder: Path, day: list[Prediction]) -> JsonStore:
    store = JsonStore(folder)
    assert store.record_predictions(MODEL, day, new_ids=True).accepted == len(day)
    truths = [GroundTruth(row.prediction_id, row.time.second * 1.37, row.time + DAY) for row in day]
    assert store.record_truths(MODEL, truths).accepted == len(day)
    return store


def _bytes(store: JsonStore) -> int:
    return sum(path.stat().st_size for path in store.folder.rglob("records/*/*/*.jsonl*"))
