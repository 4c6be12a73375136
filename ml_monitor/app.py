"""The dashboard and monitoring API, on port 5001. ``python app.py`` in this folder serves it."""

from __future__ import annotations

from flask_openapi3 import OpenAPI

from ml_core import logs
from ml_core.clock import Clock
from ml_core.clocks import clock_of
from ml_core.config import load_settings, resolve_path
from ml_core.masking import Masking
from ml_core.registry import Registry
from ml_core.settings import Settings
from ml_core.store.base import Store
from ml_core.store.opening import open_store
from ml_core.web import seed_routes
from ml_core.web.base_app import create_base_app
from ml_monitor.api import alerts_api, recording_api, results_api, retraining_api, series_api
from ml_monitor.exporter import StoreExporter
from ml_monitor.pages import catalogue, frame, login
from ml_monitor.recording import Recorder


def create_app(settings: Settings | None = None, store: Store | None = None, clock: Clock | None = None) -> OpenAPI:
    """Return the app; without arguments, as the settings in force say."""
    settings = settings or load_settings()
    logs.configure(settings.log_level)
    clock = clock or clock_of(settings)
    store = store or open_store(settings.store_url.get_secret_value(), spool=settings.spool, clock=clock)
    app = create_base_app(
        __name__,
        "ML-Monitor",
        settings,
        settings.monitor,
        clock=clock,
        checks={"store": store.check},
        notices=store.notices,
        error_page=frame.error_page,
        open_paths=login.OPEN_PATHS,
    )
    registry = Registry(store, resolve_path(settings.artifacts_folder), clock)
    app.extensions["registry"] = registry
    app.extensions["recorder"] = Recorder(registry, clock, settings.limits, Masking(settings.masked_features))
    app.extensions["metrics"].add_collector(StoreExporter(registry, clock, settings))
    app.register_api(seed_routes.create_blueprint())
    app.register_api(recording_api.blueprint)
    app.register_api(alerts_api.blueprint)
    app.register_api(results_api.blueprint)
    app.register_api(series_api.blueprint)
    app.register_api(retraining_api.blueprint)
    catalogue.init_app(app)
    return app


if __name__ == "__main__":
    from ml_monitor.__main__ import main

    main(["serve"])
