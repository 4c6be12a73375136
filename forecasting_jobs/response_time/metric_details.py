"""What a controller says of an hour besides its mean: of how many values, the least and the largest of them, and so on.

The store keeps the mean alone; the first system's tables of metrics have the rest. It is the same whether the
controller answered by the minute, by ten, or by the hour, but for ``occurrences`` and ``current``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecasting_jobs.response_time.metric_data import NOT_FOUND
from forecasting_jobs.response_time.metrics import server_of

NUMBERS = ("occurrences", "current", "min", "max", "useRange", "count", "sum")
_HOUR_MILLISECONDS = 3_600_000
_LARGEST = 2**63 - 1
_UFUNCS = {
    "occurrences": np.add,
    "min": np.minimum,
    "max": np.maximum,
    "useRange": np.maximum,
    "count": np.add,
    "sum": np.add,
}


@dataclass(frozen=True, slots=True, eq=False)
class Details:
    """Of a server's metric: its id, name and path, and ``NUMBERS`` of each hour, counted in ``places`` since 1970.

    A number that the controller did not give, or not as one, is left out, as is an id.
    """

    metric_id: int | None
    name: str
    path: str
    places: Mapping[int, int]
    numbers: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)

    def of_hour(self, hour: int) -> dict[str, int | None]:
        """Return the numbers of an hour since 1970, None where there are none."""
        place = self.places.get(hour)
        return {
            name: int(self.numbers[name][place]) if place is not None and name in self.numbers else None
            for name in NUMBERS
        }


def read_details(content: Sequence[Any], pattern: str, servers: Mapping[str, Any]) -> dict[str, Details]:
    """Return what an answer says of ``servers``, those that ``read_answer`` has found to be as they should."""
    found: dict[str, Details] = {}
    for element in content:
        if not isinstance(element, dict) or element.get("metricName") == NOT_FOUND:
            continue
        try:
            server = server_of(str(element.get("metricPath")), pattern)
        except ValueError:
            continue  # read_answer has told of it
        if server in servers and element["metricValues"]:
            found[server] = _details(element)
    return found


def _details(element: Mapping[str, Any]) -> Details:
    values = _once(element["metricValues"])
    hours = np.array([int(value["startTimeInMillis"]) // _HOUR_MILLISECONDS for value in values], dtype=np.int64)
    starts = np.flatnonzero(np.concatenate([[True], hours[1:] != hours[:-1]]))
    numbers: dict[str, NDArray[np.int64]] = {}
    for name in NUMBERS:
        column = _whole_numbers(values, name)
        if column is None:
            continue
        if name == "current":  # the newest of the hour
            numbers[name] = column[np.append(starts[1:], len(column)) - 1]
        else:
            numbers[name] = _UFUNCS[name].reduceat(column, starts)
    metric_id = element.get("metricId")
    is_id = isinstance(metric_id, int) and not isinstance(metric_id, bool) and abs(metric_id) <= _LARGEST
    return Details(
        metric_id if is_id else None,
        str(element.get("metricName")),
        str(element.get("metricPath")),
        {int(hours[start]): place for place, start in enumerate(starts)},
        numbers,
    )


def _once(values: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the values by time, of two of one time the one with the larger count, as ``read_answer`` takes them."""
    kept: dict[float, Mapping[str, Any]] = {}
    for value in values:
        there = kept.get(value["startTimeInMillis"])
        if there is None or value["count"] >= there["count"]:
            kept[value["startTimeInMillis"]] = value
    return [kept[time] for time in sorted(kept)]


def _whole_numbers(values: Sequence[Mapping[str, Any]], name: str) -> NDArray[np.int64] | None:
    """Return a number of all values; None if one lacks it, or all together would not fit into the table's column."""
    try:
        column = np.array([value[name] for value in values], dtype=np.float64)
    except (KeyError, TypeError, ValueError):
        return None
    if not np.isfinite(column).all() or np.abs(column).sum() > _LARGEST / 2:
        return None
    return np.rint(column).astype(np.int64)
