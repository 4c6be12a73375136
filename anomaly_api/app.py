"""The anomaly predictions app, on port 8080. ``python app.py`` in this folder serves it."""

from __future__ import annotations

from flask_openapi3 import OpenAPI

from anomaly_api import routes
from anomaly_api.fast_path import FastPath
from anomaly_api.metrics import ModelInfo, PredictionMetrics
from anomaly_api.names import MODEL
from anomaly_api.predictor import Predictor
from ml_core import logs
from ml_core.batched_log import BatchedLog
from ml_core.clock import Clock
from ml_core.clocks import clock_of
from ml_core.config import load_settings, resolve_path
from ml_core.masking import Masking
from ml_core.registry import Registry
from ml_core.settings import Settings
from ml_core.store.base import Store
from ml_core.store.opening import open_store
from ml_core.web.base_app import create_base_app
from ml_core.web.gate import make_gate
from ml_core.worker.client import Worker


def create_app(settings: Settings | None = None, store: Store | None = None, clock: Clock | None = None) -> OpenAPI:
    """Return the app; without arguments, as the settings in force say. ``extensions["predictor"]`` is to be closed."""
    settings = settings or load_settings()
    logs.configure(settings.log_level)
    clock = clock or clock_of(settings)
    store = store or open_store(settings.store_url.get_secret_value(), spool=settings.spool, clock=clock)
    log = BatchedLog(store, MODEL, Masking(settings.masked_features), sync=settings.anomaly.log_mode == "sync")
    registry = Registry(store, resolve_path(settings.artifacts_folder), clock)
    predictor = Predictor(registry, Worker(settings.worker), log, clock)
    app = create_base_app(
        __name__,
        "Anomaly API",
        settings,
        settings.anomaly,
        clock=clock,
        checks={"store": store.check, "champion": predictor.check},
        notices=lambda: [*store.notices(), *predictor.notices()],
    )
    app.config["MAX_CONTENT_LENGTH"] = settings.anomaly.body_bytes
    metrics = app.extensions["metrics"]
    metrics.add_collector(ModelInfo(predictor.served))
    app.extensions["predictor"] = predictor
    app.extensions["prediction_metrics"] = counted = PredictionMetrics(metrics)
    app.register_api(routes.blueprint)
    app.wsgi_app = FastPath(  # type: ignore[method-assign]
        app.wsgi_app,
        predictor,
        counted,
        metrics,
        may_pass=make_gate(settings.auth, settings.anomaly.host, app.extensions["sessions"]),
        body_bytes=settings.anomaly.body_bytes,
    )
    return app


def create_serving_app() -> OpenAPI:
    """Return the app as a server runs it: its champion is loaded at once, and it looks for a new one every second."""
    app = create_app()
    app.extensions["predictor"].watch()
    return app


if __name__ == "__main__":
    from anomaly_api.__main__ import main

    main(["serve"])
