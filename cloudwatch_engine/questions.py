"""Questions about a data set that a web process hands to its worker, where the libraries of the models live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from cloudwatch_engine.engine_parts import Engine
from cloudwatch_engine.metric_data import Dataset
from cloudwatch_engine.wire import centred, scaled
from ml_core.worker.client import Worker

_TASKS = "cloudwatch_engine.tasks"
_SHARE_OF_TIMEOUT = 0.5
"""Of the worker's time-out, how much fitting may take: loading a library and forecasting come on top."""


class Questions:
    """Asks the worker, and puts the old shapes beside its answers."""

    def __init__(self, engine: Engine, worker: Worker) -> None:
        self._engine = engine
        self._worker = worker

    def forecast(self, dataset: Dataset, names: Sequence[str]) -> dict[str, Any]:
        """Return the forecast of a data set's CPU by the best of the named models; raise ``InvalidInput``."""
        instance, points = dataset.cpu()
        engine = self._engine
        answer = self._ask("forecast", points, names, limit=engine.limit_of(instance), alert_level=engine.alert_level)
        values = [step["value"] for step in answer["steps"]]
        return {
            "prediction": scaled(values[: self._engine.config.PREDICT_LEN]),
            "instance": instance,
            **answer,
            "notes": [*dataset.notes, *answer["notes"]],
        }

    def validate(self, dataset: Dataset, names: Sequence[str]) -> dict[str, Any]:
        """Return the scores of the named models on a data set, and what the best of them said beside what came."""
        instance, points = dataset.cpu()
        answer = self._ask("validate", points, names)
        return {
            "true": centred(answer["recent"]["truths"]),
            "predict": centred(answer["recent"]["predictions"]),
            "instance": instance,
            **answer,
            "notes": [*dataset.notes, *answer["notes"]],
        }

    def evaluate(self, dataset: Dataset, name: str) -> dict[str, Any]:
        """Return one model's errors on a data set as the first system told them: of values scaled to 0 to 1.

        ``mape`` is in percent in both. Ours, in the unit of the metric, stand below ``scores``.
        """
        answer = self.validate(dataset, [name])
        (model,) = answer["models"]
        scores = model["scores"]
        return {
            "mse": scores["mean_squared_error"] / 100.0**2,
            "mae": scores["mean_absolute_error"] / 100.0,
            "mape": scores["mean_absolute_percentage_error"],
            "model": name,
            "label": model["label"],
            "scores": scores,
            "instance": answer["instance"],
            "notes": answer["notes"],
        }

    def _ask(self, task: str, points: Mapping[datetime, float], names: Sequence[str], **more: Any) -> dict[str, Any]:
        timeout = self._engine.settings.worker.timeout_seconds
        arguments = {
            "points": [[time.timestamp(), value] for time, value in points.items()],
            "names": list(names),
            "horizon": self._engine.section.horizon_steps,
            "budget_seconds": timeout * _SHARE_OF_TIMEOUT / len(names),
            "config": self._engine.config.model_dump(),
            **more,
        }
        answer: dict[str, Any] = self._worker.call(f"{_TASKS}:{task}", arguments)
        return answer
