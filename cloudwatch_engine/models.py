"""The forecasters as the engine names them, and which take part in which race."""

from __future__ import annotations

from collections.abc import Sequence

from cloudwatch_engine.engine_parts import Engine
from cloudwatch_engine.seed_config import SeedConfig
from ml_core.forecasters.base import Forecaster
from ml_core.forecasters.catalogue import FORECASTERS, HEAVY, make_forecaster
from ml_core.forecasters.ensemble import NAME
from ml_core.forecasters.neural import NeuralForecaster

SEED_MODELS = ("lstm", "tcn", "arima")
"""The three of the first system: always trained, always shown, served only if they are the best."""

ENSEMBLE = NAME
"""The quick ones that take part, together: weighted by their errors of late."""
_FIRST = ("naive", "seasonal_naive", "exponential_smoothing", "same_phase", "profiles", "ridge")

_LABELS = {
    "lstm": "LSTM",
    "tcn": "TCN",
    "arima": "ARIMA",
    "naive": "last value",
    "seasonal_naive": "yesterday",
    ENSEMBLE: "all quick ones together",
}


def label_of(name: str) -> str:
    """Return a forecaster's name for people."""
    return _LABELS.get(name, name.replace("_", " "))


def all_names() -> tuple[str, ...]:
    """Return every forecaster, and the ensemble."""
    return (*FORECASTERS, ENSEMBLE)


def quick_names() -> tuple[str, ...]:
    """Return those that are fitted within seconds: the race of an answer to a request, and who is in the ensemble."""
    return tuple(name for name in FORECASTERS if name not in HEAVY)


def first_names() -> tuple[str, ...]:
    """Return those that are fitted at once, and their ensemble: the race of a first start."""
    return (*(name for name in _FIRST if name in FORECASTERS), ENSEMBLE)


def single_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return the forecasters that must be tried for these names: for the ensemble alone, all that may be in it."""
    singles = tuple(name for name in names if name != ENSEMBLE)
    return singles or quick_names()


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
    """Return one forecaster that is not fitted yet, a network in the shape that ``config.json`` gives it."""
    forecaster = make_forecaster(name, horizon=horizon, budget_seconds=budget_seconds)
    if isinstance(forecaster, NeuralForecaster):
        forecaster.shape(window=config.FEED_LEN, layers=_layers(name, config))
    return forecaster


def shape_of(name: str, config: SeedConfig) -> list[int]:
    """Return window and layers of a network, which a version must have too if training is to go on from it."""
    return [config.FEED_LEN, _layers(name, config)] if name in FORECASTERS and FORECASTERS[name].is_neural else []


def _layers(name: str, config: SeedConfig) -> int:
    return config.NUM_LAYERS_TCN if name == "tcn" else config.NUM_LAYERS_LSTM
