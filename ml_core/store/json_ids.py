"""Rows of the embedded store by prediction id, found without reading their segments again each time.

For each line that was seen an index holds a hash of its id and where it begins: 16 bytes, so that a million lines fit
into any process. A row is read from its segment when it is asked for, and checked as ever.
"""

from __future__ import annotations

import logging
import re
from collections import OrderedDict
from collections.abc import Collection, Iterable
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import orjson

from ml_core.lines import decode_line
from ml_core.store.json_views import SegmentView, open_view

log = logging.getLogger(__name__)

# The id as it was written, which is how it is looked for: neither needs the rest of its line to be parsed.
_ID = re.compile(rb'^\{"prediction_id":("(?:[^"\\]|\\.)*")', re.MULTILINE)
_FEW = 1000
_MOST_SEGMENTS = 1024


class IdIndex:
    """The lines of one segment by the hash of their ids; it grows with the segment. Threads may share it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock()
        self._state: tuple[int, ...] | None = None
        self._clear()

    def __len__(self) -> int:
        return len(self._hashes) + self._recent_lines

    def find(self, prediction_ids: Collection[str]) -> list[dict[str, Any]]:
        """Return all rows of these ids in the order in which they were appended; raise ``StoreUnavailable``.

        A damaged line is passed over and logged.
        """
        wanted = set(prediction_ids)
        with self._lock, open_view(self.path) as view:
            self._catch_up(view)
            starts = self._starts(wanted)
            lines = view.read_lines(starts)
        rows = []
        for start, line in zip(starts, lines, strict=False):
            row = decode_line(line)
            if row is None:
                log.warning("%s: the line at byte %d is damaged and was passed over", self.path, start)
            elif row["prediction_id"] in wanted:
                rows.append(row)
        return rows

    def _clear(self) -> None:
        self._end = 0
        # Most lines in two arrays, by hash and place; those that came since by hash alone.
        self._hashes, self._places = np.empty(0, np.int64), np.empty(0, np.int64)
        self._recent: dict[int, list[int]] = {}
        self._recent_lines = 0

    def _catch_up(self, view: SegmentView) -> None:
        if view.state != self._state or view.size < self._end:
            self._clear()
            self._state = view.state
        content = view.read(self._end)
        content = content[: content.rfind(b"\n") + 1]
        found = [(hash(match[1]), self._end + match.start()) for match in _ID.finditer(content)]
        self._end += len(content)
        if self._recent_lines + len(found) > max(_FEW, len(self._hashes) // 8):
            self._merge(found)
        else:
            for key, place in found:
                self._recent.setdefault(key, []).append(place)
            self._recent_lines += len(found)

    def _merge(self, found: Iterable[tuple[int, int]]) -> None:
        recent = [(key, place) for key, places in self._recent.items() for place in places]
        new = np.array([*recent, *found], np.int64).reshape(-1, 2)
        hashes, places = np.concatenate([self._hashes, new[:, 0]]), np.concatenate([self._places, new[:, 1]])
        order = np.lexsort((places, hashes))
        self._hashes, self._places = hashes[order], places[order]
        self._recent, self._recent_lines = {}, 0

    def _starts(self, wanted: Iterable[str]) -> list[int]:
        """Return where lines begin whose ids have the hash of one that is wanted, in ascending order."""
        keys = [hash(_written(prediction_id)) for prediction_id in wanted]
        found = [place for key in keys for place in self._recent.get(key, ())]
        first, behind = (np.searchsorted(self._hashes, np.array(keys, np.int64), side) for side in ("left", "right"))
        for number in np.flatnonzero(first < behind):
            found += self._places[first[number] : behind[number]].tolist()
        return sorted(set(found))


class IdIndexes:
    """The indexes of the segments that were last asked for, of at most ``most_lines`` lines in all."""

    def __init__(self, most_lines: int = 4_000_000) -> None:
        self.most_lines = most_lines
        self._guard = Lock()
        self._indexes: OrderedDict[Path, IdIndex] = OrderedDict()

    def find(self, path: Path, prediction_ids: Collection[str]) -> list[dict[str, Any]]:
        """Return the rows of a segment as ``IdIndex.find`` does."""
        with self._guard:
            index = self._indexes.setdefault(path, IdIndex(path))
            self._indexes.move_to_end(path)
        rows = index.find(prediction_ids)
        with self._guard:
            lines = sum(map(len, self._indexes.values()))
            while len(self._indexes) > 1 and (lines > self.most_lines or len(self._indexes) > _MOST_SEGMENTS):
                lines -= len(self._indexes.popitem(last=False)[1])
        return rows


def _written(prediction_id: str) -> bytes:
    return orjson.dumps(prediction_id)
