"""A trained network on windows of two-way traffic, asked without Keras: its forward pass in NumPy.

One window costs a tenth of a call of the Keras model, and a process that serves needs neither the seconds nor the
hundreds of megabytes that TensorFlow takes. That both say the same is checked when a network is saved and when it is
loaded, see ``ml_core.artifacts.windowed_network_format``.

The network: an LSTM over time (Hochreiter and Schmidhuber 1997), its last state beside the other inputs through dense
layers, and a straight linear way from the window to the outputs, which are summed: ``(horizon, 2)`` changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_core.errors import ArtifactError
from ml_core.forecasters.window_spec import Inputs, Singles, WindowSpec
from ml_core.timeseries.series import Floats

LSTM, HIDDEN, CHANGES, STRAIGHT = "lstm", "hidden", "changes", "straight"
"""The names of the layers that have weights; the hidden ones are counted from 1."""
Weights = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class WindowedNetwork:
    """Specification and weights; a weight is named for its layer and its place in it, as ``lstm.0``."""

    spec: WindowSpec
    weights: Weights

    def __post_init__(self) -> None:
        inside = {name.rpartition(".")[0] for name in self.weights}
        expected = {LSTM, CHANGES, STRAIGHT} | {f"{HIDDEN}_{number}" for number in range(1, self._hidden() + 1)}
        if inside != expected:
            raise ArtifactError(f"the network's layers are {sorted(inside)}, not {sorted(expected)}: train anew")

    def forecast(self, windows: Floats, pairs: Sequence[tuple[str, str]], seconds: NDArray[np.int64]) -> Floats:
        """Return the traffic of the next steps, ``(count, horizon, 2)``; see ``WindowSpec.inputs`` for the arguments.

        Raises ``KeyError`` for a link and location that were not in the training data.
        """
        inputs = self.spec.inputs(windows, pairs, seconds)
        return self.spec.values(self.changes(inputs), inputs)

    def changes(self, inputs: Inputs) -> Singles:
        """Return what the Keras model returns for the same inputs, ``(count, horizon, 2)``."""
        weights = self.weights
        state = np.concatenate([self._last_state(inputs.over_time), inputs.beside], axis=1)
        for number in range(1, self._hidden() + 1):
            state = np.maximum(state @ weights[f"{HIDDEN}_{number}.0"] + weights[f"{HIDDEN}_{number}.1"], 0)
        flat = inputs.over_time.reshape(len(inputs), -1)
        changes = state @ weights[f"{CHANGES}.0"] + weights[f"{CHANGES}.1"]
        changes = changes + flat @ weights[f"{STRAIGHT}.0"]
        return np.asarray(changes.reshape(len(inputs), self.spec.horizon, 2), dtype=np.float32)

    def _hidden(self) -> int:
        return sum(name.startswith(f"{HIDDEN}_") and name.endswith(".0") for name in self.weights)

    def _last_state(self, over_time: Singles) -> Singles:
        kernel, recurrent, bias = (self.weights[f"{LSTM}.{number}"] for number in range(3))
        units = len(recurrent)
        driven = over_time @ kernel + bias
        state = np.zeros((len(over_time), units), dtype=np.float32)
        memory = np.zeros_like(state)
        for moment in range(over_time.shape[1]):
            gates = driven[:, moment] + state @ recurrent
            let_in, keep, let_out = (_sigmoid(gates[:, part * units : (part + 1) * units]) for part in (0, 1, 3))
            memory = keep * memory + let_in * np.tanh(gates[:, 2 * units : 3 * units])
            state = let_out * np.tanh(memory)
        return state


def _sigmoid(values: Singles) -> Singles:
    return np.asarray(0.5 * (np.tanh(0.5 * values) + 1), dtype=np.float32)
