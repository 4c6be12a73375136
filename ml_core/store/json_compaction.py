"""Compaction of the embedded store: segments of closed days and months, of every kind, are merged into archives.

A segment may be read and written meanwhile, and the process killed at any moment: the archive says what it holds of the
plain segment, which goes afterwards. Lines that come late lie in a plain segment until the next time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from ml_core.clock import as_utc
from ml_core.files import file_trouble
from ml_core.lines import decode_line
from ml_core.records import Compaction
from ml_core.store.json_archives import encode_head, encode_members
from ml_core.store.json_segments import segment_lock
from ml_core.store.json_views import SegmentView, archive_of, change_file, open_view

KINDS = ("predictions", "ground_truths", "metric_points", "observations", "forecasts", "job_runs")
_NAMES = "[0-9][0-9][0-9][0-9]-[0-9][0-9]*.jsonl"
_ATTEMPTS = 5

Superseded = Callable[[list[bytes]], set[int]]


class _Merged(NamedTuple):
    """What a segment comes to: the plain bytes that went into the archive, the archive, and the lines left out."""

    plain: bytes
    archive: bytes
    superseded: int
    damaged: int


def compact(records: Path, before: datetime, progress: Callable[[str], None]) -> Compaction:
    """Merge segments of days and months wholly before a time into their archives; tell of each in a line."""
    limit = as_utc(before).date().isoformat()
    done = Compaction()
    for kind in KINDS:
        # A series may lie in folders within folders, and have a name such as that of a segment.
        for path in sorted(path for path in (records / kind).rglob(_NAMES) if path.is_file()):
            if path.stem < limit[: len(path.stem)]:
                superseded = _renewals if kind == "job_runs" else _none
                place = str(path.parent.relative_to(records))
                done = _add(done, _compact_segment(path, place, superseded, progress))
    return done


def _compact_segment(path: Path, place: str, superseded: Superseded, progress: Callable[[str], None]) -> Compaction:
    before = _bytes(path)
    for _ in range(_ATTEMPTS):
        # Nobody has to wait while it is read and made smaller: it is closed, and seldom does anything come late.
        with open_view(path) as view:
            state, merged = view.state, _merge(view, superseded)
        if not merged.plain:
            return Compaction()
        with segment_lock(path.parent):
            with open_view(path) as view:
                unchanged = view.state == state and _whole_lines(view) == merged.plain
            if unchanged:
                _put_in_place(path, merged)
                after = _bytes(path)
                what = f", {merged.superseded:,} lines superseded" if merged.superseded else ""
                what += f", {merged.damaged:,} damaged lines kept" if merged.damaged else ""
                progress(f"{place}/{path.stem}: {before:,} bytes became {after:,}{what}")
                return Compaction(1, before, after, merged.superseded, merged.damaged)
    progress(f"{place}/{path.stem}: is written to all the time; left for another time")
    return Compaction()


def _merge(view: SegmentView, superseded: Superseded) -> _Merged:
    plain = _whole_lines(view)
    lines = plain[view.passed_over :].split(b"\n")[:-1]
    left_out = superseded(lines)
    kept = [line for number, line in enumerate(lines) if number not in left_out]
    damaged = sum(decode_line(line) is None for line in kept)
    archive = view.archive
    members = [archive.raw(member) for member in archive.members] if archive is not None else []
    members.append(encode_members(b"".join(line + b"\n" for line in kept)))
    return _Merged(plain, encode_head(plain) + b"".join(members), len(left_out), damaged)


def _whole_lines(view: SegmentView) -> bytes:
    """Return the plain segment without a line that has no end."""
    content = view.read_passed_over() + view.read_plain()
    return content[: content.rfind(b"\n") + 1]


def _put_in_place(path: Path, merged: _Merged) -> None:
    try:
        change_file(archive_of(path), merged.archive)
        change_file(path, b"")
    except OSError as error:
        raise file_trouble("write", path, error) from error


def _none(lines: list[bytes]) -> set[int]:
    return set()


def _renewals(lines: list[bytes]) -> set[int]:
    """Return the lines by which a job run was renewed that a later renewal of the same run has superseded."""
    last: dict[Any, int] = {}
    left_out = set()
    for number, line in enumerate(lines):
        row = decode_line(line)
        if row is not None and row["event"] == "renewed":
            run = row["slot"], row["fence"]
            if run in last:
                left_out.add(last[run])
            last[run] = number
    return left_out


def _bytes(path: Path) -> int:
    return sum(each.stat().st_size for each in (path, archive_of(path)) if each.exists())


def _add(one: Compaction, other: Compaction) -> Compaction:
    return replace(
        one,
        parts=one.parts + other.parts,
        bytes_before=one.bytes_before + other.bytes_before,
        bytes_after=one.bytes_after + other.bytes_after,
        superseded=one.superseded + other.superseded,
        damaged=one.damaged + other.damaged,
    )
