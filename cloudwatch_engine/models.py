"""The forecasters as the engine names them, and which take part in which race."""

from __future__ import annotations

from collections.abc import Sequence

from cloudwatch_engine.engine_parts import Engine
from cloudwatch_engine.seed_config import SeedConfig
from ml_core.forecasters.base import Forecaster
from ml_core.forecasters.catalogue import FORECASTERS, make_forecaster

SEED_MODELS = ("lstm", "tcn", "arima")
"""The three of the first system: always trained, always shown, served only if they are the best."""

_LABELS = {
    "lstm": "LSTM",
    "tcn": "TCN",
    "arima": "ARIMA",
    "naive": "last value",
    "seasonal_naive": "yesterday",
}
_SLOW = frozenset(SEED_MODELS)


def label_of(name: str) -> str:
    """Return a forecaster's name for people."""
    return _LABELS.get(name, name.replace("_", " "))


def all_names() -> tuple[str, ...]:
    """Return every forecaster."""
    return tuple(FORECASTERS)


def quick_names() -> tuple[str, ...]:
    """Return those that are fitted within seconds: the race of a first start and of an answer to a request."""
    return tuple(name for name, kind in FORECASTERS.items() if name not in _SLOW and not kind.is_neural)


def find_name(text: str, known: Sequence[str] | None = None) -> str:
    """Return the forecaster that ``text`` names in whatever case; raise ``ValueError`` that lists them."""
    names = all_names() if known is None else known
    name = text.strip().lower().replace("-", "_").replace(" ", "_")
    if name not in names:
        raise ValueError(f"expected one of {', '.join(names)}")
    return name


def make_all(engine: Engine, names: Sequence[str]) -> list[Forecaster]:
    """Return forecasters that are not fitted yet, as the settings and ``config.json`` want them."""
    section = engine.section
    return [
        make(name, engine.config, horizon=section.horizon_steps, budget_seconds=section.model_seconds) for name in names
    ]


def make(name: str, config: SeedConfig, *, horizon: int, budget_seconds: float) -> Forecaster:
    """Return one forecaster that is not fitted yet."""
    return make_forecaster(name, horizon=horizon, budget_seconds=budget_seconds)
