"""Equality of numbers that were computed on two ways, and of what takes their place where there is none."""

from __future__ import annotations

from typing import Any

import pytest

from ml_monitor.monitoring.results import Undefined


def close(value: float | Undefined | None, within: float = 1e-9) -> Any:
    """Return what equals ``value`` up to a relative or absolute distance, or the reason or None itself."""
    return value if value is None or isinstance(value, Undefined) else pytest.approx(value, rel=within, abs=within)
