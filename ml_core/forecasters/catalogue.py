"""The forecasters by name. A new one is a file of its own and a line here."""

from __future__ import annotations

from collections.abc import Mapping

from ml_core.forecasters.arima import Arima
from ml_core.forecasters.base import Forecaster
from ml_core.forecasters.direct_hours import DirectHours
from ml_core.forecasters.direct_servers import DirectServers
from ml_core.forecasters.direct_xgboost import DirectXGBoost
from ml_core.forecasters.exponential_smoothing import ExponentialSmoothing
from ml_core.forecasters.local_median import LocalMedian
from ml_core.forecasters.lstm import Lstm
from ml_core.forecasters.naive import Naive
from ml_core.forecasters.profiles import Profiles
from ml_core.forecasters.ridge import LeastDeviations, Ridge
from ml_core.forecasters.same_hour import SameHour
from ml_core.forecasters.same_phase import SamePhase, SameWeek
from ml_core.forecasters.same_phase_ratio import SamePhaseRatio
from ml_core.forecasters.seasonal_naive import SeasonalNaive
from ml_core.forecasters.stacked_medians import StackedMedians
from ml_core.forecasters.tcn import Tcn

LIGHT: tuple[type[Forecaster], ...] = (
    Naive,
    SeasonalNaive,
    LocalMedian,
    ExponentialSmoothing,
    SamePhase,
    SamePhaseRatio,
    SameWeek,
    SameHour,
    Profiles,
    Ridge,
    LeastDeviations,
    StackedMedians,
    DirectXGBoost,
)
"""Those that are tried whenever a forecast is served: a backtest of all takes seconds."""

NAMED: tuple[type[Forecaster], ...] = (Arima, Lstm, Tcn)
"""Those that the CloudWatch engine has always trained and shown; they cost ten to a hundred times the others."""

FORECASTERS: Mapping[str, type[Forecaster]] = {kind.name: kind for kind in (*LIGHT, *NAMED)}

OF_JOBS: Mapping[str, type[Forecaster]] = {kind.name: kind for kind in (DirectHours, DirectServers)}
"""Those that one job trains for itself, and that are tried nowhere else."""


def make_forecaster(name: str, *, horizon: int, seed: int = 0, budget_seconds: float = 60.0) -> Forecaster:
    """Return a forecaster that is not fitted yet; raise ``ValueError`` that lists the names for another one."""
    kinds = {**FORECASTERS, **OF_JOBS}
    if name not in kinds:
        raise ValueError(f"forecaster: expected one of {', '.join(kinds)}, not {name!r}")
    return kinds[name](horizon=horizon, seed=seed, budget_seconds=budget_seconds)


def light_forecasters(horizon: int, seed: int = 0) -> list[Forecaster]:
    """Return one of each of ``LIGHT``, not fitted yet."""
    return [kind(horizon=horizon, seed=seed) for kind in LIGHT]


def all_forecasters(horizon: int, seed: int = 0, budget_seconds: float = 60.0) -> list[Forecaster]:
    """Return one of each, not fitted yet; ``budget_seconds`` is for each fit of each."""
    return [kind(horizon=horizon, seed=seed, budget_seconds=budget_seconds) for kind in FORECASTERS.values()]
