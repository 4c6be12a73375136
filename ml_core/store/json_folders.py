"""Where the embedded store keeps the records of a name: a folder named after it, with a segment for each day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from urllib.parse import quote, unquote

from ml_core.clock import as_utc
from ml_core.store.json_segments import rewrite_segment
from ml_core.store.json_views import list_segments

_DAY_FILES = "????-??-??.jsonl"
# File systems take 255 bytes; the rest goes on in a folder below.
_LONGEST_PIECE = 200


def folder_of(parent: Path, name: str) -> Path:
    """Return the folder of a name of any characters.

    The name is quoted as in a URL. One that is too long for a file system is cut into folders within folders, of which
    all but the last end in a further ``%``.
    """
    quoted = quote(name, safe="")
    while len(quoted) > _LONGEST_PIECE:
        parent /= f"{_without_leading_dot(quoted[:_LONGEST_PIECE])}%"
        quoted = quoted[_LONGEST_PIECE:]
    return parent / _without_leading_dot(quoted)


def named_folders(parent: Path) -> dict[str, Path]:
    """Return the folders that hold segments, by the names they stand for."""
    return {unquote(quoted): folder for quoted, folder in _quoted_folders(parent) if list_segments(folder)}


def day_segment(folder: Path, time: datetime) -> Path:
    """Return the segment of the day, in UTC, in which ``time`` lies."""
    return folder / day_segment_name(time)


def day_segment_name(time: datetime) -> str:
    """Return the name of the segment of the day, in UTC, in which ``time`` lies."""
    return f"{as_utc(time).date().isoformat()}.jsonl"


def day_segments(folder: Path, start: datetime | None = None, end: datetime | None = None) -> list[Path]:
    """Return the segments of the days from that of ``start`` to that of ``end``, oldest first."""
    first, last = as_utc(start).date() if start else date.min, as_utc(end).date() if end else date.max
    return [path for path in list_segments(folder, _DAY_FILES) if first <= date.fromisoformat(path.stem) <= last]


def drop_segment(path: Path) -> int:
    """Take all rows out of a segment, whose folder's lock the caller holds; return how many they were."""
    return rewrite_segment(path, lambda row: False)


def _without_leading_dot(quoted: str) -> str:
    # Or it might lead elsewhere, as ".." does, or be hidden.
    return f"%2E{quoted[1:]}" if quoted.startswith(".") else quoted


def _quoted_folders(parent: Path) -> Iterator[tuple[str, Path]]:
    for folder in sorted(parent.glob("*")):
        # Two hexadecimal digits follow each % that belongs to a name.
        if folder.name.endswith("%"):
            for rest, inner in _quoted_folders(folder):
                yield folder.name[:-1] + rest, inner
        else:
            yield folder.name, folder
