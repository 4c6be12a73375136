"""The Flask app that all apps of the suite start from."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from flask import redirect
from flask_openapi3 import APIBlueprint, Info, OpenAPI
from werkzeug.wrappers import Response

from ml_core.clock import Clock
from ml_core.settings import AppSettings, Settings
from ml_core.web import auth, errors, forms, headers, health, metrics, request_ids
from ml_core.web.json_bodies import OrjsonProvider, SuiteRequest

_SECURITY = {"bearer": {"type": "http", "scheme": "bearer"}}


class SuiteApp(OpenAPI):
    """An ``OpenAPI`` app that documents all methods of an address, also when two blueprints share it."""

    def register_api(self, api: APIBlueprint, **options: Any) -> None:
        known = dict(self.paths)
        super().register_api(api, **options)
        for path, operations in known.items():
            added = self.paths[path]
            self.paths[path] = operations.model_copy(
                update={name: getattr(added, name) for name in added.model_fields_set}
            )


def create_base_app(
    import_name: str,
    title: str,
    settings: Settings,
    listening: AppSettings,
    *,
    clock: Clock,
    checks: Mapping[str, health.Check],
    notices: health.Notices = list,
    error_page: errors.ErrorPage | None = None,
    open_paths: tuple[str, ...] = (),
    body_keys: Mapping[str, auth.BodyKeys] | None = None,
) -> SuiteApp:
    """Return an app with JSON errors, request ids, tokens, health, metrics and OpenAPI pages, and no routes of its own.

    ``checks`` are what ``/readyz`` asks, ``notices`` what it tells besides; ``error_page`` renders errors for browsers
    where the app has pages, and ``open_paths`` are what can be read without a token, such as the page that asks for it.
    ``body_keys`` are the addresses whose clients may send their token in the body.
    """
    app = SuiteApp(
        import_name,
        info=Info(title=title, version=version("ml-monitoring-suite")),
        security_schemes=_SECURITY,  # type: ignore[arg-type]
        static_folder=None,  # an app's own pages name their files by a hash; nothing else is to be served
        validation_error_callback=errors.raise_invalid_input,
        validation_error_model=errors.ErrorBody,
    )
    app.request_class = SuiteRequest
    app.json = OrjsonProvider(app)
    app.config["MAX_CONTENT_LENGTH"] = settings.limits.body_bytes
    app.extensions["settings"] = settings
    app.extensions["clock"] = clock
    request_ids.init_app(app, clock)
    metrics.init_app(app)
    errors.init_app(app, error_page)
    auth.init_app(app, settings.auth, listening.host, clock, open_paths=open_paths, body_keys=body_keys)
    forms.init_app(app)
    headers.init_app(app)
    health.init_app(app, checks, notices)
    _add_documentation(app)
    return app


def _add_documentation(app: OpenAPI) -> None:
    def docs() -> Response:
        return redirect("/openapi/swagger")

    app.add_url_rule("/docs", view_func=docs)
    app.add_url_rule("/openapi.json", endpoint="openapi_json", view_func=lambda: app.api_doc)
