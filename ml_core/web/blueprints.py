"""Blueprints of documented routes, all with the same error answers in the OpenAPI document."""

from __future__ import annotations

from flask_openapi3 import APIBlueprint, Tag

from ml_core.web.errors import ErrorBody

ERROR_ANSWERS = dict.fromkeys((400, 404, 409, 413, 415, 422, 503), ErrorBody)


def create_api_blueprint(name: str, import_name: str, description: str) -> APIBlueprint:
    """Return a blueprint whose routes are listed under the tag ``name``."""
    return APIBlueprint(
        name,
        import_name,
        abp_tags=[Tag(name=name, description=description)],
        abp_responses=ERROR_ANSWERS,  # type: ignore[arg-type]
        abp_security=[{"bearer": []}],
    )
