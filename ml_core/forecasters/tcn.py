"""A temporal convolutional network (Bai, Kolter and Koltun 2018) by keras-tcn, on the last 50 values."""

from __future__ import annotations

from typing import Any, ClassVar

from ml_core.forecasters.neural import WINDOW, NeuralForecaster

FILTERS = 16
DILATIONS = (1, 2, 4, 8)


class Tcn(NeuralForecaster):
    """One stack of causal convolutions that sees the whole window, and a linear layer for all steps."""

    name: ClassVar[str] = "tcn"

    def _built(self, keras: Any) -> Any:
        from tcn import TCN

        stack = TCN(nb_filters=FILTERS, kernel_size=3, dilations=DILATIONS, return_sequences=False)
        return keras.Sequential([keras.layers.Input((WINDOW, 2)), stack, keras.layers.Dense(self.horizon)])
