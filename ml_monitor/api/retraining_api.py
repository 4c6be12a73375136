"""Training anew over HTTP: who has asked, what is on trial, what came of it, and the ways to ask and to go back."""

from __future__ import annotations

from typing import Any

from flask import Response, current_app, jsonify

from ml_core.registry import Registry
from ml_core.retraining.asking import ask_for_retraining, roll_back
from ml_core.retraining.history import list_events
from ml_core.retraining.plain import to_plain
from ml_core.retraining.requests import RETRAIN_KIND, read_request
from ml_core.retraining.trials import read_trial
from ml_core.web.blueprints import create_api_blueprint
from ml_core.web.shapes import AskingBody, ModelPath

blueprint = create_api_blueprint("retraining", __name__, "Training anew")


@blueprint.get("/retrain-requests", summary="Which models somebody has asked to train anew")
def show_retrain_requests() -> Response:
    documents = _registry().store.list_documents(RETRAIN_KIND)
    return jsonify({"retrain_requests": [{"request_id": document.key, **document.content} for document in documents]})


@blueprint.get("/models/<model_id>/retraining", summary="A model's request, its trial, and the history")
def show_retraining(path: ModelPath) -> Response:
    registry = _registry()
    name = registry.find(path.model_id).name
    return jsonify(
        {
            "model": name,
            "request": _plain(read_request(registry.store, name)),
            "trial": _plain(read_trial(registry.store, name)),
            "history": [to_plain(event) for event in list_events(registry.store, name)],
        }
    )


@blueprint.post("/models/<model_id>/retrain-requests", summary="Ask for a model to be trained anew")
def ask(path: ModelPath, body: AskingBody) -> tuple[Response, int]:
    filed = ask_for_retraining(_registry(), path.model_id, author=body.author, reason=body.reason)
    return jsonify({"request": _plain(filed)}), 202


@blueprint.post("/models/<model_id>/rollbacks", summary="Go back to the champion before")
def go_back(path: ModelPath, body: AskingBody) -> Response:
    after = roll_back(_registry(), path.model_id, author=body.author, reason=body.reason)
    return jsonify({"model": after.name, "champion": after.champion})


def _plain(record: Any) -> dict[str, Any] | None:
    return None if record is None else to_plain(record)


def _registry() -> Registry:
    registry: Registry = current_app.extensions["registry"]
    return registry
