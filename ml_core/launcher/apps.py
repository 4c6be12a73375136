"""The apps that make up the platform, in the order in which their addresses are shown."""

from __future__ import annotations

import sys

from ml_core.launcher.programs import Program
from ml_core.settings import AppSettings, Settings


def web_app(module: str, section: str, listening: AppSettings, title: str, model: str | None = None) -> Program:
    """Return a web app of the suite: ``python -m <module> serve``, with the Python that runs now.

    ``model`` is the one without which it cannot get ready; ``python -m <module> train`` makes it.
    """
    return Program(
        name=module,
        section=section,
        host=listening.host,
        port=listening.port,
        command=(sys.executable, "-m", module, "serve"),
        title=title,
        reads_store=True,
        may_move=True,
        model=model,
        train_command=(sys.executable, "-m", module, "train"),
    )


def platform_apps(settings: Settings) -> tuple[Program, ...]:
    """Return the apps of the platform, the dashboard first."""
    return (
        web_app("ml_monitor", "monitor", settings.monitor, "dashboard and monitoring API"),
        web_app("ml_models", "models", settings.models, "models and predictions API"),
        web_app("cloudwatch_engine", "cloudwatch", settings.cloudwatch, "CPU forecasts with an early warning"),
        web_app("anomaly_api", "anomaly", settings.anomaly, "anomaly predictions API", "anomaly_detector"),
    )
