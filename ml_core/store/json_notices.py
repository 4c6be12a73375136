"""Tells when the embedded store holds more than it is made for, by an estimate that costs next to nothing."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from threading import Lock

from ml_core.files import file_trouble
from ml_core.store.json_archives import Archive

MANY_RECORDS = 1_000_000
_SAMPLE_BYTES = 65_536
_NOT_RECORDS = ("job_runs",)


class RecordEstimate:
    """About how many lines the segments below a folder hold; the answer is kept for a while."""

    def __init__(self, records: Path, kept_for: timedelta = timedelta(minutes=1)) -> None:
        self._records = records
        self._kept_for = kept_for
        self._guard = Lock()
        self._known: tuple[float, int] | None = None

    def count(self) -> int:
        """Return the estimate, from the lengths of all files and the lines of a few; raise ``StoreUnavailable``."""
        with self._guard:
            now = time.monotonic()
            if self._known is None or now - self._known[0] >= self._kept_for.total_seconds():
                try:
                    self._known = now, sum(map(_estimate, self._folders()))
                except OSError as error:
                    raise file_trouble("read", self._records, error) from error
            return self._known[1]

    def _folders(self) -> Iterator[Path]:
        for kind in self._records.glob("*"):
            if kind.name not in _NOT_RECORDS:
                # A series may lie in folders within folders.
                yield from (folder for folder in kind.rglob("*") if folder.is_dir())


def outgrown(records: int, many: int) -> str | None:
    """Return what a user should be told of a store that holds so many records, or None."""
    if records <= many:
        return None
    about = round(records, 2 - len(str(records)))
    return (
        f"the embedded store holds about {about:,} records, and is made for up to"
        f" {many:,}: copy it to mysql+pymysql://user:password@host/database with `python -m ml_core.store copy`,"
        " and set ML_STORE_URL to that"
    )


def _estimate(folder: Path) -> int:
    """Return about how many lines the segments of a folder hold, by those of its longest of either form."""
    files: dict[str, int] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith((".jsonl", ".jsonl.gz")) and not entry.name.startswith((".", "other_ids")):
                with suppress(FileNotFoundError):  # packed just now
                    files[entry.path] = entry.stat().st_size
    lines = 0.0
    for is_archive in (True, False):
        sizes = {path: size for path, size in files.items() if path.endswith(".gz") == is_archive}
        if sizes:
            longest = max(sizes, key=lambda path: sizes[path])
            with suppress(FileNotFoundError):
                lines += sum(sizes.values()) * _lines_a_byte(Path(longest), is_archive)
    return round(lines)


def _lines_a_byte(path: Path, is_archive: bool) -> float:
    with path.open("rb") as file:
        if not is_archive:
            sample = file.read(_SAMPLE_BYTES)
            return sample.count(b"\n") / max(1, len(sample))
        archive = Archive(file.fileno())
        if not archive.members:
            return 0.0
        first = archive.members[0]
        return archive.lines_of(first).count(b"\n") / first.length
