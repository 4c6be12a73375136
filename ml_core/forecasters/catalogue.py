"""The forecasters by name. A new one is a file of its own and a line here."""

from __future__ import annotations

from collections.abc import Mapping

from ml_core.forecasters.base import Forecaster
from ml_core.forecasters.naive import Naive
from ml_core.forecasters.seasonal_naive import SeasonalNaive

FORECASTERS: Mapping[str, type[Forecaster]] = {kind.name: kind for kind in (Naive, SeasonalNaive)}


def make_forecaster(name: str, *, horizon: int, seed: int = 0, budget_seconds: float = 60.0) -> Forecaster:
    """Return a forecaster that is not fitted yet; raise ``ValueError`` that lists the names for another one."""
    if name not in FORECASTERS:
        raise ValueError(f"forecaster: expected one of {', '.join(FORECASTERS)}, not {name!r}")
    return FORECASTERS[name](horizon=horizon, seed=seed, budget_seconds=budget_seconds)
