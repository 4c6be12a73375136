"""A long short-term memory network (Hochreiter and Schmidhuber 1997) on the last 50 values."""

from __future__ import annotations

from typing import Any, ClassVar

from ml_core.forecasters.neural import WINDOW, NeuralForecaster

UNITS = 24


class Lstm(NeuralForecaster):
    """One layer of 24 units and a linear layer for all steps."""

    name: ClassVar[str] = "lstm"

    def _built(self, keras: Any) -> Any:
        layers = keras.layers
        return keras.Sequential([layers.Input((WINDOW, 2)), layers.LSTM(UNITS), layers.Dense(self.horizon)])
