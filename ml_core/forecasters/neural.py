"""What the neural forecasters share: windows in, all steps out, Keras in between.

A window of the last values (``WINDOW`` unless told otherwise), scaled by training data alone and taken relative to
its newest value, goes in; the changes from that value to each step come out. Absolute loss, Adam, early stopping on
the last tenth of the training windows, and never longer than the time budget. A second fit goes on from the weights
that there are, for fewer epochs.
"""

from __future__ import annotations

import os
import time
from abc import abstractmethod
from datetime import timedelta
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ml_core.forecasters.base import Arrays, Forecaster, Paths
from ml_core.timeseries.series import Floats, Series
from ml_core.timeseries.windows import Scaler, lag_windows

WINDOW = 50
TRAINING_VALUES = 2880
EPOCHS, WARM_EPOCHS, PATIENCE = 20, 6, 4
BATCH = 64
_FARTHEST = 8.0


class NeuralForecaster(Forecaster):
    """A Keras network on windows; subclasses build it. ``losses`` has those of the last fit by epoch."""

    is_neural: ClassVar[bool] = True

    def __init__(self, *, horizon: int, seed: int = 0, budget_seconds: float = 60.0) -> None:
        super().__init__(horizon=horizon, seed=seed, budget_seconds=budget_seconds)
        self.window, self.layers = WINDOW, 1
        self.losses: dict[str, list[float]] = {}
        self._scaler = Scaler(0.0, 1.0)
        self._network: Any = None

    def shape(self, *, window: int, layers: int) -> None:
        """Look back ``window`` steps through so many layers; raise ``ValueError`` below 2 and 1, or after ``fit``."""
        if window < 2 or layers < 1 or self.is_fitted:
            raise ValueError(f"shape: expected a window from 2 and layers from 1, before fit: {window} and {layers}")
        self.window, self.layers = window, layers

    def fewest_values(self, step: timedelta) -> int:
        return 2 * self.window + self.horizon

    def _fit(self, values: Floats, history: Series) -> None:
        keras = import_keras()
        known = values[-TRAINING_VALUES:]
        self._scaler = Scaler.fitted(known)
        scaled = self._scaler.scale(known)
        ends = np.arange(self.window - 1, len(scaled) - self.horizon, dtype=np.int64)
        inputs = self._inputs(scaled, ends)
        ahead = ends[:, None] + np.arange(1, self.horizon + 1)
        targets = np.clip(scaled[ahead] - scaled[ends][:, None], -_FARTHEST, _FARTHEST)
        keras.utils.set_random_seed(self.seed)
        is_new = self._network is None
        if is_new:
            self._network = self._built(keras)
        self._network.compile(optimizer=keras.optimizers.Adam(3e-3), loss="mae", metrics=["mape"])
        held_out = max(len(inputs) // 10, 1)
        fitted = self._network.fit(
            inputs[:-held_out],
            targets[:-held_out],
            validation_data=(inputs[-held_out:], targets[-held_out:]),
            epochs=EPOCHS if is_new else WARM_EPOCHS,
            batch_size=BATCH,
            shuffle=True,
            verbose=0,
            callbacks=[
                keras.callbacks.EarlyStopping(patience=PATIENCE, restore_best_weights=True),
                _budget(keras, self.budget_seconds),
            ],
        )
        self.losses = {name: [float(loss) for loss in losses] for name, losses in fitted.history.items()}

    def _forecast(self, values: Floats, origins: NDArray[np.int64], history: Series) -> Paths:
        scaled = self._scaler.scale(values)
        changes = np.asarray(self._network(self._inputs(scaled, origins), training=False), dtype=np.float64)
        return Paths(self._scaler.unscale(scaled[origins][:, None] + changes))

    @abstractmethod
    def _built(self, keras: Any) -> Any:
        """Return a new network from ``(window, 2)`` to ``horizon`` numbers."""

    def _inputs(self, scaled: Floats, ends: NDArray[np.int64]) -> NDArray[np.float32]:
        windows = lag_windows(scaled, ends, self.window)
        relative = np.clip(windows - windows[:, -1:], -_FARTHEST, _FARTHEST)
        return np.stack([relative, np.clip(windows, -_FARTHEST, _FARTHEST)], axis=2).astype(np.float32)

    def _arrays(self) -> Arrays:
        weights = {f"weight_{number:03d}": array for number, array in enumerate(self._network.get_weights())}
        scaler, shape = np.array([self._scaler.centre, self._scaler.spread]), np.array([self.window, self.layers])
        return weights | {"scaler": scaler, "shape": shape}

    def _restore(self, arrays: Arrays) -> None:
        keras = import_keras()
        self._scaler = Scaler(*(float(part) for part in arrays["scaler"]))
        self.window, self.layers = (int(part) for part in arrays["shape"])
        self._network = self._built(keras)
        self._network.set_weights([arrays[name] for name in sorted(arrays) if name.startswith("weight_")])


def last_layer(keras: Any, horizon: int) -> Any:
    """Return the linear layer for all steps. It starts at zero: an untrained network says what the naive one does."""
    return keras.layers.Dense(horizon, kernel_initializer="zeros")


def import_keras() -> Any:
    """Return Keras on TensorFlow, which takes seconds and hundreds of megabytes the first time."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    import keras

    return keras


def _budget(keras: Any, seconds: float) -> Any:
    class Budget(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is not typed
        def on_train_begin(self, logs: Any = None) -> None:
            self.until = time.monotonic() + seconds

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if time.monotonic() > self.until:
                self.model.stop_training = True

    return Budget()
