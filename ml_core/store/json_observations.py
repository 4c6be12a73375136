"""Observations of the embedded store: ``records/observations/<quoted series>/<day>.jsonl``, append-only.

The last line of a time is the one in force; those before it are the history of what was corrected.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from threading import Lock
from typing import Any

from ml_core.clock import format_time, parse_time
from ml_core.lines import encode_line
from ml_core.records import Observation, Receipt
from ml_core.store.deciding_series import as_history, decide_observations, in_force, times_to_look_up
from ml_core.store.json_folders import day_segment_name, day_segments, drop_segment, folder_of, named_folders
from ml_core.store.json_segments import SegmentReader, append_together, read_segment, segment_lock
from ml_core.store.names import check_name

_CACHED_DAYS = 64


class _DayValues:
    """The values in force in one segment, kept up to date, so that a series that grows is not read anew each time."""

    def __init__(self, path: Path) -> None:
        self._new = SegmentReader(path)
        self._values: dict[datetime, float] = {}

    def values(self) -> Mapping[datetime, float]:
        rows, restarted = self._new.read_on()
        if restarted:
            self._values = {}
        self._values.update((parse_time(row["time"]), row["value"]) for row in rows)
        return self._values


class JsonObservations:
    """The observations below one folder; several processes may use it at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._guard = Lock()
        self._days: OrderedDict[Path, _DayValues] = OrderedDict()

    def record(self, series: str, rows: Sequence[Observation]) -> Receipt:
        check_name("series", series)
        folder, times = folder_of(self.folder, series), times_to_look_up(rows)
        with segment_lock(folder):
            to_store, receipt = decide_observations(rows, self._stored(folder, times))
            by_segment: defaultdict[str, list[bytes]] = defaultdict(list)
            for row in to_store:
                by_segment[day_segment_name(row.time)].append(encode_line(_line(row)))
            append_together(folder, {name: b"".join(lines) for name, lines in sorted(by_segment.items())})
        return receipt

    def observations(self, series: str, start: datetime, end: datetime, known_at: datetime | None) -> list[Observation]:
        """Return those in force (at ``known_at``), oldest first."""
        check_name("series", series)
        paths = day_segments(folder_of(self.folder, series), start, end)
        rows = (row for path in paths for row in _read(path) if start <= row.time < end)
        return in_force(rows, known_at)

    def history(self, series: str) -> Iterator[Observation]:
        check_name("series", series)
        paths = day_segments(folder_of(self.folder, series))
        # By time, and as they arrived: the sort leaves those of the same time in the order of their lines.
        return (row for path in paths for row in as_history(sorted(_read(path), key=lambda row: row.time)))

    def list_series(self) -> list[str]:
        return sorted(named_folders(self.folder))

    def count(self) -> dict[str, int]:
        """Return the number of observations by series; a corrected one is one."""
        counts = {
            series: sum(len({row["time"] for row in read_segment(path)[0]}) for path in day_segments(folder))
            for series, folder in sorted(named_folders(self.folder).items())
        }
        return {series: count for series, count in counts.items() if count}

    def drop_before(self, first_kept: date) -> int:
        """Forget the days before ``first_kept``; return how many values went, corrected ones included."""
        dropped = 0
        for folder in named_folders(self.folder).values():
            with segment_lock(folder):
                old = [path for path in day_segments(folder) if date.fromisoformat(path.stem) < first_kept]
                dropped += sum(map(drop_segment, old))
        return dropped

    def _stored(self, folder: Path, times: Iterable[datetime]) -> dict[datetime, float]:
        by_segment: defaultdict[str, list[datetime]] = defaultdict(list)
        for time in times:
            by_segment[day_segment_name(time)].append(time)
        stored: dict[datetime, float] = {}
        with self._guard:
            for name, wanted in by_segment.items():
                values = self._day(folder / name).values()
                stored.update((time, values[time]) for time in wanted if time in values)
        return stored

    def _day(self, path: Path) -> _DayValues:
        day = self._days.setdefault(path, _DayValues(path))
        self._days.move_to_end(path)
        while len(self._days) > _CACHED_DAYS:
            self._days.popitem(last=False)
        return day


def _read(path: Path) -> list[Observation]:
    return [
        Observation(parse_time(row["time"]), row["value"], parse_time(row["received_time"]))
        for row in read_segment(path)[0]
    ]


def _line(row: Observation) -> dict[str, Any]:
    return {"time": format_time(row.time), "value": row.value, "received_time": format_time(row.received_time)}
