"""What a folder of segments holds, and the newest time in one, remembered for as long as nothing has changed there."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

from ml_core.clock import parse_time
from ml_core.files import file_trouble
from ml_core.store.json_segments import SegmentReader
from ml_core.store.json_views import list_segments
from ml_core.store.summaries import number_of_microseconds

_SETTLED_NANOSECONDS = 2_000_000_000
"""A folder that was changed within this time may be changed again without its time showing it."""


class FolderListings:
    """The segments of folders by name; a folder is listed again only when files were made or removed in it."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self._guard = Lock()
        self._known: dict[Path, tuple[int, Sequence[Path]]] = {}

    def paths(self, folder: Path) -> Sequence[Path]:
        """Return the segments, in order; none of a folder that is not there. Raises ``StoreUnavailable``."""
        try:
            changed = folder.stat().st_mtime_ns
        except FileNotFoundError:
            return []
        except OSError as error:
            raise file_trouble("read", folder, error) from error
        with self._guard:
            known = self._known.get(folder)
        if known is not None and known[0] == changed:
            return known[1]
        found = list_segments(folder, self.pattern)
        if time.time_ns() - changed > _SETTLED_NANOSECONDS:
            with self._guard:
                self._known[folder] = (changed, found)
        return found


class NewestTime:
    """The newest time of the predictions of one segment, in microseconds since the epoch."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._reader = SegmentReader(path)
        self._newest: int | None = None
        self._seen: tuple[int, int] | None = None

    def read(self) -> int | None:
        """Return it, after a look at what was added since; None for a segment without predictions."""
        seen = _state(self.path)
        if seen is None or seen != self._seen:
            self._read_on()
        self._seen = seen
        return self._newest

    def _read_on(self) -> None:
        rows, restarted = self._reader.read_on()
        if restarted:
            self._newest = None
        if rows:
            # Texts of one form, of which without the Z at the end the order is that of the times: one is to be parsed.
            newest = number_of_microseconds(parse_time(f"{max(row['time'][:-1] for row in rows)}Z"))
            self._newest = newest if self._newest is None else max(newest, self._newest)


def _state(path: Path) -> tuple[int, int] | None:
    """Return what changes with any line of a segment: appending makes it longer, rewriting makes another file of it.

    None for one that lies in an archive.
    """
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_ino
