"""The control of the pages: a bare Flask app with one route, served as the dashboard is. ``python ... <port>``."""

from __future__ import annotations

import sys

from flask import Flask

from ml_core.config import load_settings
from ml_core.web.serving import serve


def create_app() -> Flask:
    """Return an app that says hello."""
    app = Flask(__name__)

    @app.get("/")
    def hello() -> str:
        return "<!doctype html><title>hello</title><p>hello</p>"

    return app


if __name__ == "__main__":
    settings = load_settings()
    listening = settings.monitor.model_copy(update={"port": int(sys.argv[1])})
    serve("benchmarks.dashboard_hello:create_app", "monitor", settings, listening)
