"""A long short-term memory network (Hochreiter and Schmidhuber 1997) on the last values."""

from __future__ import annotations

from typing import Any, ClassVar

from ml_core.forecasters.neural import NeuralForecaster, last_layer

UNITS = 24


class Lstm(NeuralForecaster):
    """Layers of 24 units each, one unless told otherwise, and a linear layer for all steps."""

    name: ClassVar[str] = "lstm"

    def _built(self, keras: Any) -> Any:
        layers = keras.layers
        lower = [layers.LSTM(UNITS, return_sequences=True) for _ in range(self.layers - 1)]
        return keras.Sequential(
            [layers.Input((self.window, 2)), *lower, layers.LSTM(UNITS), last_layer(keras, self.horizon)]
        )
