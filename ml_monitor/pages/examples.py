"""The commands that empty pages name: they run as they stand, with features that the model would take."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping

from ml_core.records import Feature, Task, Value
from ml_core.settings import Settings
from ml_monitor.pages.model_reader import ModelPage

_VALUES: Mapping[Task, Value] = {
    "regression": 250_000.0,
    "forecast": 100.0,
    "binary": 1.0,
    "multiclass": "a",
    "anomaly": 0.1,
}


def prediction_command(page: ModelPage, settings: Settings) -> str:
    """Return the curl line that logs a prediction of this model: by serving it here, or as one made elsewhere."""
    model = page.model
    if page.champion is not None and page.example:
        address = f"http://localhost:{settings.models.port}/models/{model.seed_id or model.name}/predictions"
        return _curl(address, {"features": page.example}, settings)
    features: dict[str, Feature] = dict(page.example) or {"amount": 12.5, "country": "NL"}
    body = {"model": model.name, "predictions": [{"features": features, "value": _VALUES[model.task]}]}
    return _curl(f"http://localhost:{settings.monitor.port}/predictions", body, settings)


def registration_command(settings: Settings) -> str:
    """Return the curl line that registers a model which is served elsewhere."""
    body = {"name": "churn", "title": "Customer churn", "task": "binary"}
    return _curl(f"http://localhost:{settings.monitor.port}/models", body, settings)


def _curl(address: str, body: Mapping[str, object], settings: Settings) -> str:
    token = " -H 'Authorization: Bearer <token>'" if settings.auth.write_tokens else ""
    content = shlex.quote(json.dumps(body, ensure_ascii=False))
    return f"curl -X POST {address}{token} -H 'Content-Type: application/json' -d {content}"
