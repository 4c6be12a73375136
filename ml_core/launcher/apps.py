"""The apps that make up the platform, in the order in which their addresses are shown."""

from __future__ import annotations

import sys

from ml_core.launcher.programs import Program
from ml_core.settings import AppSettings, Settings


def web_app(module: str, section: str, listening: AppSettings, title: str = "") -> Program:
    """Return a web app of the suite: ``python -m <module> serve``, with the Python that runs now."""
    return Program(
        name=module,
        section=section,
        host=listening.host,
        port=listening.port,
        command=(sys.executable, "-m", module, "serve"),
        title=title,
        reads_store=True,
    )


def platform_apps(settings: Settings) -> tuple[Program, ...]:
    """Return the apps of the platform, the dashboard first."""
    return (
        web_app("ml_monitor", "monitor", settings.monitor, "dashboard and monitoring API"),
        web_app("ml_models", "models", settings.models, "models and predictions API"),
    )
