"""A task's metrics in order, each with the function that measures it on rows prepared once for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Protocol, TypeVar

import numpy as np

from ml_monitor.monitoring.results import Measured, Metric, Undefined


class Rows(Protocol):
    """The rows of a chunk. ``absent`` is the reason why none can be judged, if that is so."""

    @property
    def absent(self) -> Undefined | None:
        """Why there is nothing to measure."""


R = TypeVar("R", bound=Rows)
Table = Mapping[Metric, Callable[[R], Measured]]


def measure_rows(table: Table[R], rows: R, names: Iterable[str]) -> dict[str, Measured]:
    """Return the named metrics of the rows, in the table's order."""
    wanted = set(names)
    if rows.absent is not None:
        return {metric.name: Measured(rows.absent) for metric in table if metric.name in wanted}
    # What overflows becomes "undefined", not a warning.
    with np.errstate(over="ignore", invalid="ignore"):
        return {metric.name: _within(metric, take(rows)) for metric, take in table.items() if metric.name in wanted}


def _within(metric: Metric, found: Measured) -> Measured:
    """Return what was found, kept within the metric's limits, which rounding may pass by some 1e-16."""
    if isinstance(found.value, Undefined):
        return found
    value = found.value
    if metric.lowest is not None:
        value = max(value, metric.lowest)
    if metric.highest is not None:
        value = min(value, metric.highest)
    return found if value == found.value else replace(found, value=value)
