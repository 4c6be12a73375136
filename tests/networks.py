"""Networks on windows with real files, not trained: each forecasts the mean of its window, so that tests know it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ml_core.forecasters.window_spec import WindowSpec
from ml_core.records import ModelVersion
from ml_core.registry import Registry
from ml_core.timeseries.windows import Scaler
from ml_core.traffic.records import STEP_FEATURES
from tests.factories import a_model

PAIRS = (("Verizon", "US-DC4"), ("Northway", "UK-LD4"))
WINDOW, HORIZON = 24, 6


def mean_of_window(values: Sequence[float]) -> list[float]:
    """Return what such a network forecasts of a target, a value a step."""
    return [float(np.mean(values[1:]))] * HORIZON


def add_network(registry: Registry, name: str = "link_traffic_hourly", step_seconds: int = 3600) -> ModelVersion:
    """Register such a network as a version of a model, and promote it."""
    from forecasting_jobs.link_traffic import network
    from forecasting_jobs.link_traffic.network import NetworkSettings
    from ml_core.artifacts.windowed_network_format import TrainedNetwork

    links, locations = zip(*PAIRS, strict=True)
    scalers = dict.fromkeys(PAIRS, (Scaler(5.0, 2.0), Scaler(3.0, 1.0)))
    spec = WindowSpec(WINDOW, HORIZON, step_seconds, links, locations, scalers)
    windows = np.linspace(1, 9, 2 * (WINDOW + 1)).reshape(1, WINDOW + 1, 2)
    probes = spec.inputs(windows, [PAIRS[0]], np.array([0]))
    trained = TrainedNetwork(network.build(spec, NetworkSettings(units=2, hidden=(2,))), spec, probes)
    registry.add_model(a_model(name, task="forecast", headline_metric="rmse"))
    model = registry.find(name)
    version = registry.add_version(
        model,
        trained,
        "windowed_network",
        metrics={"rmse": 1.0},
        features=STEP_FEATURES,
        parameters={"window": WINDOW, "horizon": HORIZON},
        lineage={},
        reference=_reference(),
    )
    registry.promote(model, version.number)
    return version


def _reference() -> pd.DataFrame:
    rows: list[dict[str, Any]] = [
        {
            "link": link, "location": location, "target": target, "step": step,
            "rx_gbs": 5.0 + number / 10, "tx_gbs": 3.0, "value": 5.0, "truth": 5.0 + number / 10,
        }
        for number in range(10)
        for link, location in PAIRS
        for target in ("rx_gbs", "tx_gbs")
        for step in range(1, HORIZON + 1)
    ]  # fmt: skip
    return pd.DataFrame(rows)
