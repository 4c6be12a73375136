"""The forecasters as config.json wants them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from cloudwatch_engine.models import all_names, first_names, make, shape_of, single_names
from cloudwatch_engine.seed_config import SeedConfig
from ml_core.forecasters.catalogue import FORECASTERS, make_forecaster
from ml_core.forecasters.neural import NeuralForecaster
from ml_core.timeseries.series import Series

CONFIG = SeedConfig(FEED_LEN=12, NUM_LAYERS_LSTM=2, NUM_LAYERS_TCN=3)
HISTORY = Series(
    datetime(2026, 11, 1, tzinfo=UTC), timedelta(minutes=5), 50 + 10 * np.sin(np.arange(160) * 2 * np.pi / 40)
)


def test_every_forecaster_and_the_ensemble_has_a_name() -> None:
    assert all_names() == (*FORECASTERS, "ensemble")
    assert set(first_names()) <= set(all_names())
    assert single_names(["naive", "ensemble"]) == ("naive",)
    assert set(single_names(["ensemble"])) == set(FORECASTERS) - {"lstm", "tcn", "arima"}


def test_networks_have_the_shape_of_the_old_keys_and_others_none() -> None:
    for name, layers in (("lstm", 2), ("tcn", 3)):
        network = make(name, CONFIG, horizon=3, budget_seconds=5)
        assert isinstance(network, NeuralForecaster)
        assert (network.window, network.layers) == (12, layers)
        assert network.fewest_values(HISTORY.step) == 27
        assert shape_of(name, CONFIG) == [12, layers]
    assert shape_of("ridge", CONFIG) == []
    assert shape_of("ensemble", CONFIG) == []
    with pytest.raises(ValueError, match="shape: expected a window from 2"):
        make_forecaster("lstm", horizon=3).shape(window=1, layers=1)  # type: ignore[attr-defined]


@pytest.mark.deep
@pytest.mark.parametrize("name", ["lstm", "tcn"])
def test_a_network_of_another_shape_learns_and_comes_back_from_its_file(tmp_path: Path, name: str) -> None:
    network = make(name, CONFIG, horizon=3, budget_seconds=1)
    network.fit(HISTORY)
    path = tmp_path / "network.npz"
    network.save(path)
    again = make_forecaster(name, horizon=3)  # as an artifact is loaded: the file says its shape
    again.load(path)
    assert again.forecast(HISTORY).point == pytest.approx(network.forecast(HISTORY).point, abs=1e-4)
