"""``/models`` and ``/performance-metrics`` as clients of the first system know them, for the two apps that had them.

Their shapes, messages and status codes are kept to the letter: an unknown model is answered with 200 and
``success: false``, a missing ``modelId`` with 400.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response, current_app, jsonify
from flask_openapi3 import APIBlueprint
from pydantic import BaseModel, Field

from ml_core.errors import ModelNotFound, SuiteError
from ml_core.registry import Registry
from ml_core.web.blueprints import create_api_blueprint


class ModelIdQuery(BaseModel):
    """Which model: its seed id (``model1``) or its name."""

    modelId: str | None = Field(None, description="seed id or name")  # noqa: N815 - the name on the wire


def create_blueprint() -> APIBlueprint:
    """Return the routes; the app holds its ``Registry`` in ``extensions["registry"]``."""
    blueprint = create_api_blueprint("seed", __name__, "The routes of the first system, unchanged")

    @blueprint.get("/models", summary="All models with the metrics of their champions")
    def models() -> Response:
        try:
            data = read_models(current_app.extensions["registry"])
        except SuiteError as error:
            return _failure(f"Error while getting models details: {error.message}")
        return _success(data, "Data Found" if data else "No models found in database")

    @blueprint.get("/performance-metrics", summary="The metrics of one model's champion")
    def performance_metrics(query: ModelIdQuery) -> Response:
        if not query.modelId:
            response = _failure("modelId not in request parameters")
            response.status_code = 400
            return response
        registry: Registry = current_app.extensions["registry"]
        try:
            model = registry.find(query.modelId)
            champion = registry.champion(model)
        except ModelNotFound:
            return _failure("Model not found in db")
        except SuiteError as error:
            return _failure(f"Error while getting performance metrics for {query.modelId}: {error.message}")
        return _success(champion.metrics if champion else {}, "Data Found")

    return blueprint


def read_models(registry: Registry) -> dict[str, dict[str, Any]]:
    """Return title and champion's metrics of each model, keyed by seed id where there is one, else by name."""
    found = {}
    for model in registry.store.list_models():
        champion = registry.champion(model)
        found[model.seed_id or model.name] = {
            "name": model.title,
            "metrics": dict(champion.metrics) if champion else {},
        }
    return dict(sorted(found.items()))


def _success(data: Mapping[str, Any], message: str) -> Response:
    return jsonify({"success": True, "message": message, "data": data})


def _failure(message: str) -> Response:
    return jsonify({"success": False, "message": message})
