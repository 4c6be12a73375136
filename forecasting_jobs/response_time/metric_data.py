"""Reads what a controller says, and makes hours of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from forecasting_jobs.response_time.metrics import server_of

HOUR = timedelta(hours=1)
NOT_FOUND = "METRIC DATA NOT FOUND"
FEWEST_MINUTES = 30
"""Of an hour of which fewer minutes are there no value is made: it would speak of the hour's edge alone."""

_MINUTES = {"ONE_MIN": 1, "TEN_MIN": 10, "SIXTY_MIN": 60}


@dataclass(frozen=True, slots=True)
class Point:
    """What was measured from ``time`` on for ``minutes``: ``count`` values with the sum ``total``."""

    time: datetime
    minutes: int
    count: float
    total: float


@dataclass(frozen=True, slots=True)
class Answer:
    """The points by server, and by server why there are none."""

    points: Mapping[str, Sequence[Point]] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)


def read_answer(content: Sequence[Any], pattern: str) -> Answer:
    """Return the points of a controller's answer by server; one that cannot be read does not spoil the others.

    ``pattern`` is the path that was asked for, which says where in a path the server's name is.
    Of two points of one time the one with the larger count is taken: the other was written before it was complete.
    """
    points: dict[str, list[Point]] = {}
    faults: dict[str, str] = {}
    for place, element in enumerate(content):
        server = f"element {place}"
        try:
            if not isinstance(element, dict):
                raise ValueError("expected an object for each metric")
            if element.get("metricName") == NOT_FOUND:
                continue
            server = server_of(str(element.get("metricPath")), pattern)
            points.setdefault(server, []).extend(_points(element))
        except ValueError as error:
            faults[server] = str(error)
    return Answer({name: _once(found) for name, found in points.items() if name not in faults}, faults)


def hourly_values(points: Sequence[Point], until: datetime) -> dict[datetime, float]:
    """Return the mean of each whole hour by its start: the sum of all that was measured by how often it was.

    Hours that end after ``until`` are left out, and those with fewer than ``FEWEST_MINUTES``.
    """
    sums: dict[datetime, list[float]] = {}
    for point in points:
        hour = point.time.replace(minute=0, second=0, microsecond=0)
        entry = sums.setdefault(hour, [0.0, 0.0, 0.0])
        entry[0] += point.minutes
        entry[1] += point.count
        entry[2] += point.total
    return {
        hour: total / count
        for hour, (minutes, count, total) in sorted(sums.items())
        if minutes >= FEWEST_MINUTES and count > 0 and hour + HOUR <= until
    }


def _points(element: Mapping[str, Any]) -> list[Point]:
    minutes = _MINUTES.get(str(element.get("frequency")))
    if minutes is None:
        raise ValueError(f"frequency: expected one of {', '.join(_MINUTES)}")
    values = element.get("metricValues")
    if not isinstance(values, list):
        raise ValueError("metricValues: expected a list")
    return [_point(value, place, minutes) for place, value in enumerate(values)]


def _point(value: Any, place: int, minutes: int) -> Point:
    where = f"metricValues[{place}]"
    if not isinstance(value, dict):
        raise ValueError(f"{where}: expected an object")
    numbers = []
    for name in ("startTimeInMillis", "count", "sum"):
        number = value.get(name)
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not math.isfinite(number) or number < 0:
            raise ValueError(f"{where}.{name}: expected a number from 0 on")
        numbers.append(float(number))
    try:
        time = datetime.fromtimestamp(numbers[0] / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        raise ValueError(f"{where}.startTimeInMillis: expected milliseconds since 1970") from None
    return Point(time, minutes, numbers[1], numbers[2])


def _once(points: Sequence[Point]) -> list[Point]:
    kept: dict[datetime, Point] = {}
    for point in points:
        there = kept.get(point.time)
        if there is None or point.count >= there.count:
            kept[point.time] = point
    return [kept[time] for time in sorted(kept)]
