"""Metric points of the embedded store: ``records/metric_points/<model>/<day of the start>.jsonl``, append-only.

The last line of a key (metric, segment, version, start and end time) is the one in force.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, time
from pathlib import Path
from threading import Lock
from typing import Any

import orjson

from ml_core.clock import format_time, parse_time
from ml_core.records import MetricPoint
from ml_core.store.deciding_metrics import Key, check_names, fit_points, key_of
from ml_core.store.json_folders import day_segment, day_segments, folder_of, named_folders
from ml_core.store.json_segments import (
    SegmentReader,
    append_to_segment,
    read_segment,
    rewrite_segment,
    segment_lock,
)
from ml_core.store.names import check_word


class JsonMetrics:
    """The metric points below one folder; several processes may use it at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._guard = Lock()
        self._names: dict[Path, tuple[SegmentReader, set[str]]] = {}

    def put(self, points: Sequence[MetricPoint]) -> None:
        by_segment: defaultdict[Path, list[dict[str, Any]]] = defaultdict(list)
        for point in fit_points(points):
            by_segment[day_segment(folder_of(self.folder, point.model), point.start_time)].append(_line(point))
        for path, lines in sorted(by_segment.items()):
            with segment_lock(path.parent):
                append_to_segment(path, lines)

    def series(
        self, model: str, metric: str, start: datetime, end: datetime, segment: str | None, version: int | None
    ) -> list[MetricPoint]:
        """Return the points in force that start in a range of time, of one segment and version or of all."""
        return self.table(model, start, end, {metric}, segment, version)

    def table(
        self,
        model: str,
        start: datetime,
        end: datetime,
        metrics: Collection[str] | None,
        segment: str | None,
        version: int | None,
    ) -> list[MetricPoint]:
        """Return the points in force of some metrics, or of all, each day being read once."""
        check_names(model, metrics, segment)
        wanted = None if metrics is None else frozenset(metrics)
        lines = (
            line
            for path in day_segments(folder_of(self.folder, model), start, end)
            for line in read_segment(path)[0]
            if (wanted is None or line["metric"] in wanted)
            and (segment is None or line["segment"] == segment)
            and (version is None or line["version"] == version)
        )
        return [point for point in _in_force(model, lines) if start <= point.start_time < end]

    def points(
        self, model: str, prefixes: Collection[str], start: datetime, end: datetime, segment: str | None
    ) -> list[MetricPoint]:
        """Return the points in force of all metrics whose names begin with one of the prefixes."""
        check_word("model", model)
        # The metric is the first key of each line, so that what is not wanted need not be parsed.
        starts = tuple(b'{"metric":%b' % orjson.dumps(prefix)[:-1] for prefix in prefixes)
        if not starts:
            return []
        lines = (
            line
            for path in day_segments(folder_of(self.folder, model), start, end)
            for line in read_segment(path, starts=starts)[0]
            if segment is None or line["segment"] == segment
        )
        return [point for point in _in_force(model, lines) if start <= point.start_time < end]

    def list_metrics(self, model: str) -> list[str]:
        check_word("model", model)
        with self._guard:
            return sorted(set().union(*map(self._metrics_of, day_segments(folder_of(self.folder, model)))))

    def count(self) -> dict[str, int]:
        """Return the number of points by model."""
        counts = {
            model: sum(len(list(_in_force(model, read_segment(path)[0]))) for path in day_segments(folder))
            for model, folder in sorted(named_folders(self.folder).items())
        }
        return {model: count for model, count in counts.items() if count}

    def drop_before(self, first_kept: date) -> int:
        """Forget the points that end before the day ``first_kept`` begins; return how many went."""
        midnight = datetime.combine(first_kept, time.min, UTC)
        dropped = set[Key]()
        for model, folder in named_folders(self.folder).items():

            def keep(line: dict[str, Any], model: str = model) -> bool:
                point = _point(model, line)
                if point.end_time > midnight:
                    return True
                dropped.add(key_of(point))
                return False

            with segment_lock(folder):
                for path in day_segments(folder, end=midnight):
                    rewrite_segment(path, keep)
        return len(dropped)

    def _metrics_of(self, path: Path) -> set[str]:
        reader, names = self._names.setdefault(path, (SegmentReader(path), set()))
        lines, restarted = reader.read_on()
        if restarted:
            names.clear()
        names.update(line["metric"] for line in lines)
        return names


def _in_force(model: str, lines: Iterable[dict[str, Any]]) -> Iterator[MetricPoint]:
    last = {}
    for line in lines:
        last[tuple(line[name] for name in ("metric", "segment", "version", "start_time", "end_time"))] = line
    return (_point(model, line) for line in last.values())


def _line(point: MetricPoint) -> dict[str, Any]:
    line = asdict(point) | {"start_time": format_time(point.start_time), "end_time": format_time(point.end_time)}
    del line["model"]  # which the folder tells
    return line


def _point(model: str, line: dict[str, Any]) -> MetricPoint:
    times = {name: parse_time(line[name]) for name in ("start_time", "end_time")}
    return MetricPoint(**{**line, **times, "model": model})
