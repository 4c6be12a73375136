"""The pages of the dashboard, in the order of the navigation."""

from __future__ import annotations

from flask import Flask

from ml_core.clock import format_time
from ml_core.web.tries import Tries
from ml_monitor.pages import (
    alerts,
    anomalies,
    drift,
    forecasts,
    jobs,
    login,
    model,
    overview,
    predictions,
    settings,
    sheets,
    static_files,
    store,
)
from ml_monitor.pages.frame import FILTERS

PAGES = (
    overview.blueprint,
    model.blueprint,
    drift.blueprint,
    predictions.blueprint,
    forecasts.blueprint,
    sheets.blueprint,
    anomalies.blueprint,
    alerts.blueprint,
    jobs.blueprint,
    store.blueprint,
    settings.blueprint,
)


def init_app(app: Flask) -> None:
    """Add all pages, the files they load, and the ways in which templates write values."""
    app.extensions["login_tries"] = Tries(app.extensions["clock"])
    for each in FILTERS:
        app.add_template_filter(each, each.__name__)
    app.add_template_filter(format_time, "iso")
    for page in (*PAGES, login.blueprint, static_files.blueprint):
        app.register_blueprint(page)
