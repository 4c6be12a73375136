"""What the days of the embedded store come to by the hour, kept beside their segments in ``.summaries``.

A chart of a month then need not parse a month. A line holds one day, and speaks of the very segment (size, inode and
time of the last change of both its forms) that it was made of; after any change of that, also once the day was packed,
it is made anew. To lose the file costs only time. The newest day of a model, which grows, is not in it.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ml_core.clock import parse_time
from ml_core.errors import StoreUnavailable
from ml_core.files import file_trouble, replace_file
from ml_core.lines import decode_line, encode_line
from ml_core.records import Value
from ml_core.store.json_segments import read_segment, segment_lock
from ml_core.store.json_views import archive_of
from ml_core.store.summaries import EPOCH, HOUR, SUMMED_BELOW, Sums, merged, sums_of

log = logging.getLogger(__name__)
_FILE = ".summaries"
_DAY = timedelta(days=1)

Stamp = tuple[int, ...]
Hours = Mapping[int, Sums]
"""Sums by the number of the hour, counted from the epoch."""


class _Day(NamedTuple):
    stamp: Stamp
    hours: Hours


class JsonSummaries:
    """The summaries of the segments in one folder; several processes may use them at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stamp: Stamp | None = None
        self._known: dict[str, _Day] = {}

    def hours(self, segments: Sequence[Path]) -> list[Hours]:
        """Return the sums of each segment by the hour; only what has changed since is parsed."""
        if (stamp := _state_of(self._folder / _FILE)) != self._stamp:
            self._known, self._stamp = _read(self._folder), stamp
        made: dict[str, _Day] = {}
        found = []
        for path in segments:
            day = self._known.get(path.name)
            if day is None or day.stamp != _stamp(path):
                day = _summarise(path)
                if day.stamp == _stamp(path):  # nobody wrote meanwhile
                    made[path.name] = day
            found.append(day.hours)
        if made:
            self._keep(made)
        return found

    def _keep(self, made: dict[str, _Day]) -> None:
        self._known |= made
        try:
            with segment_lock(self._folder):
                _write(self._folder, _read(self._folder) | made)
        except StoreUnavailable as error:
            log.warning("the summaries could not be kept, and will be made again: %s", error)


def forget_changed(folder: Path) -> None:
    """Take out what was made of segments that have changed since: it tells of rows that are gone.

    The caller holds the folder's lock.
    """
    if (folder / _FILE).exists():
        try:
            _write(folder, _read(folder))
        except StoreUnavailable:  # the disk is full, perhaps; it can be done without
            (folder / _FILE).unlink()


def holds_day(start: datetime, end: datetime, segment: Path) -> bool:
    """Return whether a range holds the whole day of a segment."""
    midnight = datetime.combine(date.fromisoformat(segment.name[:10]), time.min, UTC)
    return start <= midnight and end - midnight >= _DAY


def by_window(hours: Hours, window: timedelta) -> dict[int, Sums]:
    """Return sums by the number of the window, which is some whole hours long."""
    return merged({hour // (window // HOUR): sums} for hour, sums in hours.items())


def sums_by_window(times: Iterable[int], values: Iterable[float], start: int, end: int, length: int) -> dict[int, Sums]:
    """Return the sums of values between two times by the number of the window; all times in microseconds.

    A value that is a label, or too big to be summed, is NaN.
    """
    moment, value = np.array(times), np.array(values)
    inside = (moment >= start) & (moment < end)
    windows, position = np.unique(moment[inside] // length, return_inverse=True)
    is_number = ~np.isnan(value[inside])
    number = np.where(is_number, value[inside], 0.0)
    columns = [
        np.bincount(position),
        np.bincount(position, is_number).astype("int64"),
        np.bincount(position, number),
        np.bincount(position, number * number),
    ]
    return {window: Sums(*sums) for window, *sums in zip(windows.tolist(), *(c.tolist() for c in columns), strict=True)}


def summed_value(value: Value) -> float:
    """Return the value as ``sums_by_window`` takes it."""
    return value if not isinstance(value, str) and abs(value) < SUMMED_BELOW else np.nan


def _summarise(path: Path) -> _Day:
    stamp = _stamp(path)
    values: defaultdict[int, list[Value]] = defaultdict(list)
    for row in read_segment(path)[0]:
        values[(parse_time(row["time"]) - EPOCH) // HOUR].append(row["value"])
    return _Day(stamp, {hour: sums_of(some) for hour, some in sorted(values.items())})


def _read(folder: Path) -> dict[str, _Day]:
    try:
        lines = (folder / _FILE).read_bytes().splitlines()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise file_trouble("read", folder / _FILE, error) from error
    found = {}
    for line in lines:
        row = decode_line(line)
        if row is not None:  # a damaged one is made anew
            found[row["segment"]] = _Day(tuple(row["stamp"]), {hour: Sums(*sums) for hour, *sums in row["hours"]})
    return found


def _write(folder: Path, days: Mapping[str, _Day]) -> None:
    """Write the days whose segments are still those that they were made of; the caller holds the lock."""
    true = {name: day for name, day in days.items() if _stamp(folder / name) == day.stamp}
    lines = [
        encode_line({"segment": name, "stamp": day.stamp, "hours": [[hour, *sums] for hour, sums in day.hours.items()]})
        for name, day in sorted(true.items())
    ]
    try:
        replace_file(folder / _FILE, b"".join(lines))
    except OSError as error:
        raise file_trouble("write", folder / _FILE, error) from error


def _stamp(segment: Path) -> Stamp:
    return _state_of(segment) + _state_of(archive_of(segment))


def _state_of(path: Path) -> Stamp:
    try:
        status = path.stat()
    except FileNotFoundError:
        return 0, 0, 0
    return status.st_size, status.st_ino, status.st_mtime_ns
