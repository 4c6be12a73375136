"""Networks on windows of traffic: Keras' own file, and beside it what serves without Keras.

``network.npz`` has the weights and the typical days as plain arrays, read without pickle, some inputs, and what the
Keras model said of them: a network whose forward pass here says anything else is not saved, and not loaded.
``spec.json`` is the specification. ``model.keras`` is what a training or an experiment can go on from.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd

from ml_core.artifacts.formats import Outputs, unreadable
from ml_core.artifacts.traffic_windows import DIRECTIONS, answers
from ml_core.errors import ArtifactError
from ml_core.forecasters.window_spec import Inputs, WindowSpec
from ml_core.forecasters.windowed_network import WindowedNetwork

FILE = "network.npz"
LIBRARY = "numpy"
SPEC, KERAS = "spec.json", "model.keras"
CLOSE = 1e-5
_WEIGHT = "weight "
_PROFILES = "profiles"


@dataclass(frozen=True, slots=True, eq=False)
class TrainedNetwork:
    """A Keras model with its specification, and inputs on which it is compared with the forward pass here."""

    model: Any
    spec: WindowSpec
    probes: Inputs

    def served(self) -> WindowedNetwork:
        """Return what serves it."""
        weights = {
            f"{layer.name}.{number}": np.asarray(array, dtype=np.float32)
            for layer in self.model.layers
            for number, array in enumerate(layer.get_weights())
        }
        return WindowedNetwork(self.spec, weights)


@dataclass(frozen=True, slots=True, eq=False)
class ServedNetwork:
    """A loaded network. It is asked by windows: see ``ml_core.artifacts.windowed_network``."""

    network: WindowedNetwork

    def predict(self, frame: pd.DataFrame) -> Outputs:
        """Return the received traffic of the next step for each row, which holds a whole window.

        Its columns are ``link``, ``location``, ``time`` and, oldest first, ``rx_gbs_01``, ... and ``tx_gbs_01``, ...
        Raises ``InvalidInput`` that names the field.
        """
        directions = {name: [column for column in frame if str(column).startswith(f"{name}_")] for name in DIRECTIONS}
        windows = [
            {name: row.get(name) for name in ("link", "location", "time")}
            | {name: [row[column] for column in columns] for name, columns in directions.items()}
            for row in frame.to_dict("records")
        ]
        return Outputs([answer["rx_gbs"][0] for answer in answers(self.network, windows)])


def save(model: Any, path: Path) -> None:
    """Write a ``TrainedNetwork``; raise ``ArtifactError`` if the forward pass here says something else than Keras."""
    served, folder = model.served(), path.parent
    said = np.asarray(model.model([model.probes.over_time, model.probes.beside], training=False), dtype=np.float32)
    _compare(served, model.probes, said)
    model.model.save(folder / KERAS)
    (folder / SPEC).write_bytes(orjson.dumps(served.spec.as_json(), option=orjson.OPT_INDENT_2))
    arrays = {} if served.spec.profiles is None else {_PROFILES: served.spec.profiles}
    probes = {"over_time": model.probes.over_time, "beside": model.probes.beside, "said": said}
    with path.open("wb") as file:
        np.savez(file, **probes, **arrays, **{_WEIGHT + name: array for name, array in served.weights.items()})


def load(path: Path) -> ServedNetwork:
    """Read what serves; raise ``ArtifactError`` if it cannot be read, or does not say what Keras said of the probes."""
    folder = path.parent
    try:
        with path.open("rb") as content, np.load(content, allow_pickle=False) as file:
            weights = {name.removeprefix(_WEIGHT): file[name] for name in file.files if name.startswith(_WEIGHT)}
            profiles = file[_PROFILES] if _PROFILES in file.files else None
            said, nothing = file["said"], np.zeros((0, 0))
            probes = Inputs(file["over_time"], file["beside"], nothing, nothing)
        spec = WindowSpec.from_json(orjson.loads((folder / SPEC).read_bytes()), profiles)
        network = WindowedNetwork(spec, weights)
        _compare(network, probes, said)
    except ArtifactError:
        raise
    except Exception as error:
        raise unreadable(path, "NumPy", error) from error
    return ServedNetwork(network)


def _compare(network: WindowedNetwork, probes: Inputs, said: np.ndarray) -> None:
    away = float(np.abs(network.changes(probes) - said).max())
    if not away <= CLOSE:
        raise ArtifactError(f"the network says {away:g} else than Keras said of the same inputs: train anew")
