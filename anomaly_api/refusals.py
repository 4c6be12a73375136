"""Refusals of the prediction addresses in the shape of the first system, beside the suite's own.

``{"detail": [{"loc", "msg", "type"}], "error": {...}}``: clients of either read what they know.
"""

from __future__ import annotations

from flask import Response, current_app, jsonify
from flask_openapi3 import APIBlueprint
from werkzeug.exceptions import RequestEntityTooLarge

from anomaly_api.bodies import BodyRefused, problem
from ml_core.errors import BodyTooLarge, InvalidInput


def init_blueprint(blueprint: APIBlueprint) -> None:
    """Answer whatever is wrong with a body sent to the blueprint's addresses in both shapes."""
    blueprint.register_error_handler(InvalidInput, _refuse)
    blueprint.register_error_handler(RequestEntityTooLarge, _refuse_too_large)


def _refuse(error: InvalidInput) -> Response:
    problems = error.problems if isinstance(error, BodyRefused) else [problem(["body"], error.message, error.code)]
    answer: Response = current_app.extensions["answer_error"](error)
    refusal = jsonify({"detail": list(problems), **answer.get_json()})
    refusal.status_code = answer.status_code
    return refusal


def _refuse_too_large(error: RequestEntityTooLarge) -> Response:
    limit = current_app.config["MAX_CONTENT_LENGTH"]
    return _refuse(BodyTooLarge(f"the body is too large; at most {limit} bytes are taken at once"))
