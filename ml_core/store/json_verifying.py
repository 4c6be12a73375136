"""Checks every file of the embedded store: that each line and document is as it was written, and lies in its place.

What is written at this moment is not taken for damage: a line without its end is looked at again while its writer is
kept out, and a temporary file counts only once it is old.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from ml_core.clock import parse_time
from ml_core.errors import StoreUnavailable
from ml_core.files import file_trouble
from ml_core.ids import id_time
from ml_core.lines import decode_line
from ml_core.records import Findings, Problem
from ml_core.store.json_documents import parse_documents
from ml_core.store.json_models import JsonModels
from ml_core.store.json_records import OTHER_IDS, truth_segment
from ml_core.store.json_segments import each_line, each_row, segment_lock
from ml_core.store.json_views import archive_of, list_segments, open_view
from ml_core.store.progress import Progress

OLD_AFTER = timedelta(minutes=1)
_WRONG_CONTENT = (AttributeError, KeyError, TypeError, ValueError)  # what reading a row of another shape raises

_Misplaced = Callable[[Mapping[str, Any]], str | None]


@dataclass(frozen=True, slots=True)
class _Checked:
    lines: int
    problems: list[Problem]


def verify(folder: Path, models: JsonModels, progress: Progress) -> Findings:
    """Return all that is damaged or in the wrong place below the folder of a store; nothing is changed."""
    documents = sorted((folder / "documents").rglob("*.json"))
    segments = _segments(folder / "records")
    checked: list[_Checked] = []
    for number, path in enumerate([*documents, *segments], start=1):
        if number <= len(documents):
            checked.append(_check_documents(path))
        else:
            # In this order: what is packed meanwhile is in the archive before it goes from the plain form.
            checked += [_check_plain(path)] if path.exists() else []
            checked += [_check_archive(path)] if archive_of(path).exists() else []
        progress("files", number, len(documents) + len(segments))
    problems = [problem for each in checked for problem in each.problems]
    if not problems:  # else what they hold may be wrong for that reason
        problems += _check_models(folder / "documents", models)
    problems += _stray_files(folder)
    return Findings(f"{sum(each.lines for each in checked):,} lines in {len(checked):,} files", tuple(problems))


def _check_documents(path: Path) -> _Checked:
    try:
        content = path.read_bytes()
        parse_documents(content, path)
    except OSError as error:
        return _Checked(0, [Problem(str(path), file_trouble("read", path, error).message)])
    except StoreUnavailable as error:
        return _Checked(content.count(b"\n"), [Problem(str(path), error.message)])
    return _Checked(content.count(b"\n"), [])


def _check_models(documents: Path, models: JsonModels) -> list[Problem]:
    try:
        for model in models.list_models():
            models.list_versions(model.name)
    except StoreUnavailable as error:
        return [Problem(str(documents), error.message)]
    return []


def _segments(records: Path) -> list[Path]:
    """Return the segments of all kinds, also those of which there is but an archive."""
    folders = (folder for folder in records.rglob("*") if folder.is_dir())
    # The name of a series may end like that of a segment; then it is a folder with segments of its own, and their lock.
    return sorted(path for folder in folders for path in list_segments(folder) if not (path / ".lock").exists())


def _check_archive(path: Path) -> _Checked:
    """Check the archive of the segment at ``path``, and the lines of those parts that are as they were written."""
    problems: list[Problem] = []
    misplaced = _misplaced(path)
    number, where = 0, archive_of(path)
    try:
        with open_view(path) as view:
            if view.archive is None:  # all its lines went just now
                return _Checked(0, [])
            damaged = view.archive.damaged()
            for part in damaged:
                found = f"bytes {part.place} to {part.place + part.length - 1}"
                problems.append(Problem(f"{where}, {found}", "not as it was written: some of its lines may be lost"))
            for member in view.archive.members:
                for line in view.archive.lines_of(member).split(b"\n")[:-1]:
                    number += 1
                    if member not in damaged:
                        problems += _check_line(line, f"{where}, line {number}", misplaced)
    except StoreUnavailable as error:
        problems.append(Problem(str(where), error.message))
    return _Checked(number, problems)


def _check_line(line: bytes, where: str, misplaced: _Misplaced) -> Iterator[Problem]:
    row = decode_line(line)
    found = "not as it was written: the checksum differs" if row is None else misplaced(row)
    if found is not None:
        yield Problem(where, found)


def _check_plain(path: Path) -> _Checked:
    problems: list[Problem] = []
    misplaced = _misplaced(path)
    number = 0
    try:
        for number, (start, line) in enumerate(each_line(path), start=1):
            where = f"{path}, line {number} (byte {start})"
            if not line.endswith(b"\n"):
                problems += _check_tail(path, where, start)
                continue
            problems += _check_line(line[:-1], where, misplaced)
    except StoreUnavailable as error:
        problems.append(Problem(str(path), error.message))
    return _Checked(number, problems)


def _check_tail(path: Path, where: str, start: int) -> Iterator[Problem]:
    """Yield what is wrong with a last line without a break, unless it was being written just then."""
    with segment_lock(path.parent):
        tail = b"".join(line for begin, line in each_line(path) if begin >= start)
    if b"\n" in tail or not tail:
        return
    if decode_line(tail[:-1]) is not None:
        yield Problem(where, "the break after the last line is damaged, and the line is passed over")
    else:
        yield Problem(where, f"{len(tail):,} bytes of a line that was never finished; the next writer cuts them off")


def _stray_files(folder: Path) -> Iterator[Problem]:
    for path in sorted(folder.rglob(".*.tmp")):
        if path.exists() and time.time() - path.stat().st_mtime > OLD_AFTER.total_seconds():
            yield Problem(str(path), "left by a process that was killed; it is removed when a store is opened")


# What a row says of the place in which it must lie.


def _misplaced(path: Path) -> _Misplaced:
    """Return the check of a segment's rows: what is wrong with the place of one, or None."""
    kind = path.parent.parent.name
    if path.name == OTHER_IDS or kind not in ("predictions", "ground_truths", "job_runs"):
        return lambda row: None
    place: Callable[[Mapping[str, Any], str], str | None]
    if kind == "predictions":
        other_days = {row["prediction_id"]: row["day"] for row in each_row(path.parent / OTHER_IDS)}
        place = _PredictionPlace(other_days)
    else:
        place = _truth_place if kind == "ground_truths" else _run_place

    def check(row: Mapping[str, Any]) -> str | None:
        try:
            return place(row, path.stem)
        except _WRONG_CONTENT:
            return f"holds no row of {kind}"

    return check


@dataclass(frozen=True, slots=True)
class _PredictionPlace:
    """Knows in which day's file a prediction must lie, and how it must be found there by its id."""

    other_days: Mapping[str, str]

    def __call__(self, row: Mapping[str, Any], name: str) -> str | None:
        prediction_id, day = row["prediction_id"], parse_time(row["time"]).date().isoformat()
        if day != name:
            return f"prediction {prediction_id!r} is of {day} and lies in the file of another day"
        time_of_id = id_time(prediction_id)
        day_by_id = self.other_days.get(prediction_id) or (time_of_id and time_of_id.date().isoformat())
        return None if day_by_id == day else f"prediction {prediction_id!r} cannot be found by its id: see {OTHER_IDS}"


def _truth_place(row: Mapping[str, Any], name: str) -> str | None:
    parse_time(row["received_time"])
    expected = truth_segment(row["prediction_id"])
    return None if expected == f"{name}.jsonl" else f"the truth of {row['prediction_id']!r} must lie in {expected}"


def _run_place(row: Mapping[str, Any], name: str) -> str | None:
    month = f"{parse_time(row['slot']):%Y-%m}"
    return None if month == name else f"the run of {row['slot']} must lie in {month}.jsonl"
