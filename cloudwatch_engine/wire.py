"""The scales of the first system's clients, beside which ours, in the metric's unit, are told."""

from __future__ import annotations

from collections.abc import Iterable

_FULL = 100.0
_MIDDLE = 0.5


def scaled(values: Iterable[float]) -> list[float]:
    """Return percent of CPU as the old ``prediction`` has it: 0 to 1."""
    return [min(max(value / _FULL, 0.0), 1.0) for value in values]


def centred(values: Iterable[float]) -> list[float]:
    """Return percent as the old ``true`` and ``predict`` have it; their client shows ``(x - 0.5) * 100``."""
    return [value / _FULL + _MIDDLE for value in values]


def uncentred(values: Iterable[float]) -> list[float]:
    """Return percent of what ``centred`` made."""
    return [(value - _MIDDLE) * _FULL for value in values]
