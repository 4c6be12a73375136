"""A temporal convolutional network (Bai, Kolter and Koltun 2018) by keras-tcn, on the last values."""

from __future__ import annotations

from typing import Any, ClassVar

from ml_core.forecasters.neural import NeuralForecaster, last_layer

FILTERS = 16
DILATIONS = (1, 2, 4, 8)


class Tcn(NeuralForecaster):
    """Stacks of causal convolutions, one unless told otherwise, that see the whole window, and a linear layer."""

    name: ClassVar[str] = "tcn"

    def _built(self, keras: Any) -> Any:
        from tcn import TCN

        stacks = [
            TCN(nb_filters=FILTERS, kernel_size=3, dilations=DILATIONS, return_sequences=number < self.layers - 1)
            for number in range(self.layers)
        ]
        return keras.Sequential([keras.layers.Input((self.window, 2)), *stacks, last_layer(keras, self.horizon)])
