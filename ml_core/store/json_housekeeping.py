"""Retention and counts in the embedded store. Each rewrites whole segments under their folder's lock."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import date, datetime, timedelta
from pathlib import Path

from ml_core.clock import as_utc, parse_time
from ml_core.store.json_records import OTHER_IDS
from ml_core.store.json_segments import read_segment, rewrite_segment, segment_lock
from ml_core.store.json_summaries import forget_changed
from ml_core.store.json_views import list_segments

_KINDS = ("predictions", "ground_truths")
_DAY_FILES = "????-??-??.jsonl"


def drop_before(records: Path, time: datetime, kinds: Collection[str]) -> dict[str, int]:
    """Forget predictions of days wholly before ``time`` and truths received in them; return how many rows went.

    Of both or, where ``kinds`` names only one of them, of that one.
    """
    first_kept = as_utc(time).date()
    midnight = as_utc(time).replace(hour=0, minute=0, second=0, microsecond=0)
    dropped = {kind: 0 for kind in _KINDS if kind in kinds}
    for folder in _folders(records):
        kind = folder.parent.name
        if kind not in dropped:
            continue
        with segment_lock(folder):
            if kind == "predictions":
                dropped[kind] += _drop_days(folder, first_kept)
                forget_changed(folder)
            else:
                for path in list_segments(folder):
                    dropped[kind] += rewrite_segment(path, lambda row: parse_time(row["received_time"]) >= midnight)
    return dropped


def count_records(records: Path) -> dict[str, dict[str, int]]:
    """Return the number of rows by kind and model; a corrected truth is one."""
    counts: dict[str, dict[str, int]] = {"predictions": {}, "ground_truths": {}}
    for folder in _folders(records):
        pattern = _DAY_FILES if folder.parent.name == "predictions" else "*.jsonl"
        rows = sum(
            len({row["prediction_id"] for row in read_segment(path)[0]}) for path in list_segments(folder, pattern)
        )
        if rows:
            counts[folder.parent.name][folder.name] = rows
    return counts


def size_bytes(folder: Path) -> int:
    """Return the length of all files below a folder; one that is replaced meanwhile may be left out."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += Path(place, name).stat().st_size
    return total


def _drop_days(folder: Path, first_kept: date) -> int:
    dropped = 0
    for path in list_segments(folder, _DAY_FILES):
        if date.fromisoformat(path.stem) + timedelta(days=1) <= first_kept:
            dropped += rewrite_segment(path, lambda row: False)
    if dropped and (folder / OTHER_IDS).exists():
        rewrite_segment(folder / OTHER_IDS, lambda row: date.fromisoformat(row["day"]) >= first_kept)
    return dropped


def _folders(records: Path) -> Iterator[Path]:
    """Yield the folders of predictions and ground truths of all models."""
    for kind in _KINDS:
        yield from sorted((records / kind).glob("*"))
