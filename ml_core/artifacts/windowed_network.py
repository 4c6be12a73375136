"""Forecasts of link traffic by windows, in plain JSON: what web processes and jobs ask, directly or of the worker.

``worker.call("ml_core.artifacts.windowed_network:forecast", {"folder": ..., "sha256": ..., "windows": [...]})``
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from ml_core.artifacts.folders import load_artifact
from ml_core.artifacts.traffic_windows import answers
from ml_core.artifacts.windowed_network_format import ServedNetwork
from ml_core.errors import ArtifactError
from ml_core.forecasters.windowed_network import WindowedNetwork


def forecast(folder: str, sha256: str, windows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return for each window the traffic of the next steps, in Gbit/s, and the times of which they speak.

    A window is ``{"link", "location", "time": ISO 8601 of the last value, "rx_gbs": [...], "tx_gbs": [...]}`` with
    ``window + 1`` values of each direction, oldest first. An answer is ``{"rx_gbs", "tx_gbs", "time"}``, lists of as
    many as the horizon. A network stays loaded for later calls.

    Raises ``InvalidInput`` that names the field, as ``windows[0].rx_gbs``, and ``ArtifactError``.
    """
    return answers(loaded(folder, sha256), windows)


@lru_cache(maxsize=8)
def loaded(folder: str, sha256: str) -> WindowedNetwork:
    """Return the network of an artifact, which stays loaded; raise ``ArtifactError``."""
    artifact = load_artifact(Path(folder), sha256)
    if not isinstance(artifact, ServedNetwork):
        raise ArtifactError(f"{Path(folder).name} is not a network on windows")
    return artifact.network
