"""The forecasting app, on port 5003. ``python app.py`` in this folder serves it, ``python engine.py`` with its jobs."""

from __future__ import annotations

from flask_openapi3 import OpenAPI

from cloudwatch_engine import routes
from cloudwatch_engine.engine_parts import make_engine
from cloudwatch_engine.job_starter import JobStarter
from cloudwatch_engine.questions import Questions
from ml_core import logs
from ml_core.clock import Clock
from ml_core.clocks import clock_of
from ml_core.config import load_settings
from ml_core.settings import Settings
from ml_core.store.base import Store
from ml_core.store.opening import open_store
from ml_core.web.base_app import create_base_app
from ml_core.worker.client import Worker


def create_app(settings: Settings | None = None, store: Store | None = None, clock: Clock | None = None) -> OpenAPI:
    """Return the app; without arguments, as the settings in force say.

    ``extensions["worker"]`` and ``extensions["job_starter"]`` are to be closed.
    """
    settings = settings or load_settings()
    logs.configure(settings.log_level)
    clock = clock or clock_of(settings)
    store = store or open_store(settings.store_url.get_secret_value(), spool=settings.spool, clock=clock)
    app = create_base_app(
        __name__,
        "CloudWatch-Engine",
        settings,
        settings.cloudwatch,
        clock=clock,
        checks={"store": store.check},
        notices=store.notices,
    )
    engine = make_engine(settings, store, clock)
    worker = Worker(settings.worker)
    app.extensions["engine"] = engine
    app.extensions["worker"] = worker
    app.extensions["questions"] = Questions(engine, worker)
    app.extensions["job_starter"] = JobStarter()
    app.register_api(routes.blueprint)
    return app


if __name__ == "__main__":
    from cloudwatch_engine.__main__ import main

    main(["serve"])
