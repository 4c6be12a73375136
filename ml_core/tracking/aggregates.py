"""Metrics tracked of a model over windows of time: one row for each metric and window, and every value it ever had.

The row is a metric point ``tracked/<name>`` of the model itself, so that charts show it and rules of alerts may watch
it.
Its history are points of the model's companion that are never replaced: each starts with the window and ends when the
value became known.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ml_core.clock import Clock, format_time
from ml_core.records import MetricPoint
from ml_core.store.base import Store
from ml_core.store.companions import tracked_name
from ml_core.tracking.names import LAST_TIME, RESOLUTION, milliseconds_of, time_of

PREFIX = "tracked/"
_HISTORY = "aggregate"


@dataclass(frozen=True, slots=True)
class KnownValue:
    """What a metric over a window was from a time on."""

    known_time: datetime
    value: Any


@dataclass(frozen=True, slots=True)
class TrackedAggregate:
    """The metrics of one window, in milliseconds since 1970; ``history`` has every value by metric, oldest first."""

    start_ms: int
    end_ms: int
    metrics: Mapping[str, Any]
    history: Mapping[str, tuple[KnownValue, ...]] = field(default_factory=dict)


class TrackedAggregates:
    """The aggregates tracked of any model."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock

    def update(self, model: str, start_ms: int, end_ms: int, metrics: Mapping[str, Any]) -> int:
        """Set metrics over a window, others of it stay; return how many have another value than before."""
        changed = {}
        for name, value in metrics.items():
            known = self._history_of(model, start_ms, end_ms, name)
            if not known or known[-1].value != value:
                changed[name] = known
        self.store.put_metric_points(
            [self._line(model, start_ms, end_ms, name, metrics[name], known) for name, known in changed.items()]
        )
        for name in metrics:  # of all, lest a call that was cut off here before has left an old row
            self._refresh(model, start_ms, end_ms, name)
        return len(changed)

    def read(
        self, model: str, start: datetime, end: datetime, *, known_at: datetime | None = None
    ) -> list[TrackedAggregate]:
        """Return the windows that start in ``start <= time < end``, by start and end.

        With ``known_at`` they are as they were known then.
        """
        found: defaultdict[tuple[int, int], dict[str, list[KnownValue]]] = defaultdict(dict)
        for window, name, known in self._read_history(model, start, end, None):
            if known_at is None or known.known_time <= known_at:
                found[window].setdefault(name, []).append(known)
        return [
            TrackedAggregate(
                *window,
                {name: values[-1].value for name, values in by_name.items()},
                {name: tuple(values) for name, values in by_name.items()},
            )
            for window, by_name in sorted(found.items())
        ]

    def _refresh(self, model: str, start_ms: int, end_ms: int, name: str) -> None:
        """Make the row of a metric what its history ends with, whoever else may be adding to that."""
        newest = self._history_of(model, start_ms, end_ms, name)[-1]
        while True:
            self.store.put_metric_points([_row(model, start_ms, end_ms, name, newest)])
            now_newest = self._history_of(model, start_ms, end_ms, name)[-1]
            if now_newest == newest:
                return
            newest = now_newest

    def _line(
        self, model: str, start_ms: int, end_ms: int, name: str, value: Any, known: list[KnownValue]
    ) -> MetricPoint:
        start, now = time_of(start_ms), self.clock.now()
        known_time = max([now, *(each.known_time + RESOLUTION for each in known)])
        details = {"end_ms": end_ms, "name": name, "value": value, "known_time": format_time(known_time)}
        # A window may lie ahead; each of its lines has an end of its own all the same.
        end = max(known_time, start + (len(known) + 1) * RESOLUTION)
        segment = _segment(end_ms, name)
        return MetricPoint(tracked_name(model), _HISTORY, start, end, 0, 0.0, 0.0, segment=segment, details=details)

    def _history_of(self, model: str, start_ms: int, end_ms: int, name: str) -> list[KnownValue]:
        start = time_of(start_ms)
        lines = self._read_history(model, start, start + RESOLUTION, _segment(end_ms, name))
        return [known for _, _, known in lines]

    def _read_history(
        self, model: str, start: datetime, end: datetime, segment: str | None
    ) -> Iterator[tuple[tuple[int, int], str, KnownValue]]:
        frame = self.store.metric_series(tracked_name(model), _HISTORY, start, end, segment=segment)
        for row in frame.to_dict("records"):
            details = row["details"]
            start_ms = milliseconds_of(row["start_time"].to_pydatetime())
            known = KnownValue(datetime.fromisoformat(details["known_time"]), details["value"])
            yield (start_ms, details["end_ms"]), details["name"], known


def _segment(end_ms: int, name: str) -> str:
    return f"{end_ms} {name}"


def _row(model: str, start_ms: int, end_ms: int, name: str, newest: KnownValue) -> MetricPoint:
    start, value = time_of(start_ms), newest.value
    details: dict[str, Any] = {"known_time": format_time(newest.known_time)}
    count, number = 0, 0.0
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        details["value"] = number = float(value)
        count = 1 if math.isfinite(number * number) else 0  # sums that no store takes: the value stands in the details
    else:
        details |= {"undefined": "no number", "tracked": value}
    end = min(max(time_of(end_ms), start + RESOLUTION), LAST_TIME)
    total = number if count else 0.0
    return MetricPoint(model, f"{PREFIX}{name}", start, end, count, total, total * total, details=details)
