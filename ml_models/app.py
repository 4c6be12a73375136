"""The registry and serving app, on port 5002. ``python app.py`` in this folder serves it."""

from __future__ import annotations

from flask_openapi3 import OpenAPI

from ml_core import logs
from ml_core.clock import Clock
from ml_core.config import load_settings, resolve_path
from ml_core.masking import Masking
from ml_core.prediction_log import PredictionLog
from ml_core.registry import Registry
from ml_core.settings import Settings
from ml_core.store.base import Store
from ml_core.store.opening import open_store
from ml_core.traffic.log import TrafficLog
from ml_core.web import seed_routes
from ml_core.web.auth import BodyKeys
from ml_core.web.base_app import create_base_app
from ml_core.worker.client import Worker
from ml_models import routes
from ml_models.cml import routes as cml_routes
from ml_models.cml.deployments import Deployments
from ml_models.cml.tracking import Tracking
from ml_models.forecasting import TrafficServer
from ml_models.serving import Server


def create_app(settings: Settings | None = None, store: Store | None = None, clock: Clock | None = None) -> OpenAPI:
    """Return the app; without arguments, as the settings in force say. ``extensions["worker"]`` is to be closed."""
    settings = settings or load_settings()
    logs.configure(settings.log_level)
    clock = clock or Clock(settings.clock_offset)
    store = store or open_store(settings.store_url.get_secret_value(), spool=settings.spool, clock=clock)
    registry = Registry(store, resolve_path(settings.artifacts_folder), clock)
    deployments = Deployments(registry, settings.cml)
    app = create_base_app(
        __name__,
        "ML-Models",
        settings,
        settings.models,
        clock=clock,
        checks={"store": store.check},
        notices=store.notices,
        body_keys={"/model": BodyKeys("accessKey", deployments.access_keys)},
    )
    worker = Worker(settings.worker)
    app.extensions["registry"] = registry
    app.extensions["worker"] = worker
    app.extensions["deployments"] = deployments
    masking, most = Masking(settings.masked_features), settings.limits.batch_rows
    app.extensions["server"] = Server(registry, worker, PredictionLog(store, clock, masking), most)
    app.extensions["traffic_server"] = TrafficServer(registry, worker, TrafficLog(store, clock, masking), most)
    app.extensions["tracking"] = Tracking(store, clock, deployments, settings.limits, masking)
    app.register_api(seed_routes.create_blueprint())
    app.register_api(routes.blueprint)
    app.register_api(cml_routes.blueprint)
    return app


if __name__ == "__main__":
    from ml_models.__main__ import main

    main(["serve"])
