"""Serves forecasts of links' traffic: checks the windows, asks the champion in the worker, keeps the answers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ml_core.artifacts.folders import read_manifest
from ml_core.clock import format_time
from ml_core.errors import BodyTooLarge, FieldError, InvalidInput
from ml_core.ids import new_id
from ml_core.records import ModelVersion
from ml_core.registry import Registry
from ml_core.traffic.log import TrafficLog
from ml_core.traffic.records import TARGETS, TrafficForecast, Window
from ml_core.traffic.times import read_time
from ml_core.worker.client import Worker
from ml_models.serving import served_version

FORMAT = "windowed_network"
"""The format of artifacts that forecast from windows."""
_FORECAST = "ml_core.artifacts.windowed_network:forecast"
_SHOWN_ERRORS = 100


class TrafficServer:
    """Forecasts with the champion of any model of windows; a version promoted meanwhile is used from then on."""

    def __init__(self, registry: Registry, worker: Worker, log: TrafficLog, batch_rows: int) -> None:
        self.registry = registry
        self.worker = worker
        self.log = log
        self.batch_rows = batch_rows

    def forecast(self, model_id: str, windows: Sequence[Window]) -> list[TrafficForecast]:
        """Forecast from each of the windows.

        Raises ``ModelNotFound``, ``Conflict`` if no version was promoted yet, ``InvalidInput`` that names each wrong
        field as ``windows[0].rx_gbs``, ``BodyTooLarge`` for more windows than the setting ``limits.batch_rows``,
        ``ArtifactError``, ``WorkerUnavailable`` and ``StoreUnavailable``.
        """
        model = self.registry.find(model_id)
        version = served_version(self.registry, model)
        if len(windows) > self.batch_rows:
            raise BodyTooLarge(f"{len(windows)} windows came at once; at most {self.batch_rows} are taken")
        if not self.takes_windows(version):
            raise _refused(
                [FieldError("windows", f"model {model.name!r} does not forecast from windows: send features")]
            )
        _check_lengths(version, windows)
        start_time = self.registry.clock.now()
        answers = self._ask(version, windows)
        end_time = self.registry.clock.now()
        forecasts = [
            TrafficForecast(
                new_id(end_time),
                model.name,
                version.number,
                window,
                [_time(each) for each in answer["time"]],
                answer["rx_gbs"],
                answer["tx_gbs"],
                start_time,
                end_time,
            )
            for window, answer in zip(windows, answers, strict=True)
        ]
        _check_finite(forecasts)
        self.log.record(model.name, forecasts)
        return forecasts

    def takes_windows(self, version: ModelVersion) -> bool:
        """Return whether a version forecasts from windows; raise ``NotFound`` and ``ArtifactError``."""
        folder = self.registry.artifact_folder(version)
        return bool(read_manifest(folder, version.artifact_sha256 or "")["format"] == FORMAT)

    def _ask(self, version: ModelVersion, windows: Sequence[Window]) -> list[dict[str, Any]]:
        arguments = {
            "folder": str(self.registry.artifact_folder(version)),
            "sha256": version.artifact_sha256 or "",
            "windows": [
                {
                    "link": window.link,
                    "location": window.location,
                    "time": format_time(window.time),
                    "rx_gbs": list(window.rx_gbs),
                    "tx_gbs": list(window.tx_gbs),
                }
                for window in windows
            ],
        }
        answers: list[dict[str, Any]] = self.worker.call(_FORECAST, arguments)
        return answers


def _check_lengths(version: ModelVersion, windows: Sequence[Window]) -> None:
    window = version.parameters.get("window")
    errors = []
    for index, each in enumerate(windows):
        for target, values in zip(TARGETS, (each.rx_gbs, each.tx_gbs), strict=True):
            if isinstance(window, int) and len(values) != window + 1:
                message = f"expected {window + 1} values, the window of {window} and one before it, not {len(values)}"
                errors.append(FieldError(f"windows[{index}].{target}", message))
    if errors:
        raise _refused(errors)


def _check_finite(forecasts: Sequence[TrafficForecast]) -> None:
    for index, forecast in enumerate(forecasts):
        if not all(
            isinstance(value, (int, float)) and math.isfinite(value)
            for target in TARGETS
            for value in forecast.values(target)
        ):
            message = "the model has no finite answer to these values"
            raise _refused([FieldError(f"windows[{index}]", message)])


def _time(text: str) -> datetime:
    return read_time(text)


def _refused(errors: Sequence[FieldError]) -> InvalidInput:
    fields = ", ".join(dict.fromkeys(error.field for error in errors[:5]))
    return InvalidInput(f"the request does not fit: {fields}", errors[:_SHOWN_ERRORS])
