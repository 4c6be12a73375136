"""The Keras network and its fit: an LSTM over time, dense layers with dropout, early stopping, ``(horizon, 2)`` out.

The straight way from the window to the output starts as the ridge regression (Hoerl and Kennard 1970), which a few days
determine in closed form; the fit by gradients goes on from there, and is kept only as far as it gains in validation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_core.forecasters.neural import import_keras
from ml_core.forecasters.window_spec import Inputs, Singles, WindowSpec
from ml_core.forecasters.windowed_network import CHANGES, HIDDEN, LSTM, STRAIGHT

_RIDGE = 30.0  # in squares of spreads: what a few windows say counts little
Epoch = Callable[[int, int, float, float], None]
"""Called after each epoch with its number, how many there may be, and the losses in training and validation."""


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """What can be tried: the shape of the network, and how it is fitted."""

    units: int = 64
    hidden: tuple[int, ...] = (64, 64)
    dropout: float = 0.1
    learning_rate: float = 2e-3
    batch: int = 128
    epochs: int = 50
    patience: int = 5
    seed: int = 0


def untold(epoch: int, epochs: int, loss: float, validation_loss: float) -> None:
    """Tell nobody."""


def build(spec: WindowSpec, settings: NetworkSettings) -> Any:
    """Return a new network. It starts with the mean of the window as its forecast: its last layers are zero."""
    keras = import_keras()
    layers = keras.layers
    keras.utils.set_random_seed(settings.seed)
    outputs = spec.horizon * 2
    over_time = layers.Input((spec.window, 4), name="over_time")
    beside = layers.Input((spec.width,), name="beside")
    state = layers.Concatenate()([layers.LSTM(settings.units, name=LSTM)(over_time), beside])
    for number, units in enumerate(settings.hidden, start=1):
        state = layers.Dense(units, activation="relu", name=f"{HIDDEN}_{number}")(state)
        state = layers.Dropout(settings.dropout)(state)
    changes = layers.Dense(outputs, kernel_initializer="zeros", name=CHANGES)(state)
    flat = layers.Flatten()(over_time)
    straight = layers.Dense(outputs, kernel_initializer="zeros", use_bias=False, name=STRAIGHT)(flat)
    summed = layers.Add()([changes, straight])
    return keras.Model([over_time, beside], layers.Reshape((spec.horizon, 2))(summed))


def fit(
    model: Any,
    training: tuple[Inputs, Singles],
    validation: tuple[Inputs, Singles],
    settings: NetworkSettings,
    told: Epoch = untold,
) -> dict[str, list[float]]:
    """Fit a new network; return its losses by epoch.

    The weights are those that were best in validation: of an epoch, or those of the ridge regression alone, which are
    all there is if no epochs are asked for.
    """
    keras = import_keras()
    model.get_layer(STRAIGHT).set_weights([_ridge(*training)])
    if not settings.epochs:
        return {"loss": [], "val_loss": []}
    model.compile(optimizer=keras.optimizers.Adam(settings.learning_rate), loss="mse")
    first = model.get_weights()
    first_loss = float(model.evaluate(*_of_keras(*validation), batch_size=settings.batch, verbose=0))
    history = model.fit(
        *_of_keras(*training),
        validation_data=_of_keras(*validation),
        epochs=settings.epochs,
        batch_size=settings.batch,
        verbose=0,
        callbacks=[
            keras.callbacks.EarlyStopping(patience=settings.patience, restore_best_weights=True),
            keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: told(epoch + 1, settings.epochs, logs["loss"], logs["val_loss"])
            ),
        ],
    )
    losses = {name: [float(loss) for loss in each] for name, each in history.history.items()}
    if first_loss < min(losses["val_loss"]):
        model.set_weights(first)
    return losses


def gate_of(said: Singles, targets: Singles) -> float:
    """Return the share of the network's changes, 0 to 1, that is best by least squares on what it was not fitted on."""
    size = float(np.square(said, dtype=np.float64).sum())
    return float(np.clip(np.multiply(said, targets, dtype=np.float64).sum() / size, 0.0, 1.0)) if size else 0.0


def _ridge(inputs: Inputs, targets: Singles) -> Singles:
    """Return the weights of the straight way that are best by least squares, drawn towards nothing."""
    flat = inputs.over_time.reshape(len(inputs), -1).astype(np.float64)
    moments = flat.T @ flat + _RIDGE * np.eye(flat.shape[1])
    weights = np.linalg.solve(moments, flat.T @ targets.reshape(len(targets), -1).astype(np.float64))
    return np.asarray(weights, dtype=np.float32)


def _of_keras(inputs: Inputs, targets: Singles) -> tuple[Sequence[Singles], Singles]:
    return [inputs.over_time, inputs.beside], targets
