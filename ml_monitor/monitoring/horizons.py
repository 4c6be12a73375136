"""How far ahead a forecast looked, as the name of a group of its steps: ``+5min``, ``+1h``, ``+2d``.

A chunk with few distinct horizons has a group for each. One with many (a day ahead by 5 minutes has 288) is put into
bands with fixed edges, so that a horizon is in the same group whatever else the chunk holds: ``to +1h`` is above 30
minutes and up to an hour.
"""

from __future__ import annotations

import re
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

BY_SERIES, BY_HORIZON = "series", "horizon"
"""By what forecasts are measured apart: all steps of a series, or those of one group of its horizons."""
MOST_EXACT = 48
"""Up to so many distinct horizons each is measured by itself."""
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_EDGES = tuple(
    [minutes * _MINUTE for minutes in (5, 10, 15, 30)]
    + [hours * _HOUR for hours in (1, 2, 3, 6, 12)]
    + [days * _DAY for days in (1, 2, 3, 7, 14, 28)]
)
_UNITS = (("d", _DAY), ("h", _HOUR), ("min", _MINUTE), ("s", 1))
_SEGMENT = re.compile(r"(?P<series>.*?) (?:(?P<beyond>beyond )|to )?\+(?P<number>\d+)(?P<unit>d|h|min|s)", re.DOTALL)


def horizon_name(horizon: timedelta) -> str:
    """Return the name of one horizon in its largest whole unit; below a second counts as nothing."""
    seconds = int(horizon.total_seconds())
    for unit, length in _UNITS:
        if seconds % length == 0 and (seconds or unit == "s"):
            return f"+{seconds // length}{unit}"
    raise AssertionError("every whole number is one of seconds")


def group_horizons(seconds: NDArray[np.int64]) -> dict[str, NDArray[np.intp]]:
    """Return the positions of each group's steps by its name, shortest horizon first.

    ``seconds`` says how far ahead each step looked.
    """
    distinct, inverse = np.unique(seconds, return_inverse=True)
    if len(distinct) <= MOST_EXACT:
        names, groups = [horizon_name(timedelta(seconds=int(each))) for each in distinct], inverse
    else:
        bands, groups = np.unique(np.searchsorted(_EDGES, seconds), return_inverse=True)
        names = [_band_name(int(band)) for band in bands]
    return {name: np.flatnonzero(groups == place) for place, name in enumerate(names)}


def segment_order(segment: str) -> tuple[str, int, int]:
    """Return a key that puts segments named ``<series> <group>`` in order of series, and of how far they look ahead."""
    match = _SEGMENT.fullmatch(segment)
    if match is None:
        return segment, -1, 0
    return match["series"], int(match["number"]) * dict(_UNITS)[match["unit"]], bool(match["beyond"])


def _band_name(band: int) -> str:
    if band == len(_EDGES):
        return f"beyond {horizon_name(timedelta(seconds=_EDGES[-1]))}"
    return f"to {horizon_name(timedelta(seconds=_EDGES[band]))}"
