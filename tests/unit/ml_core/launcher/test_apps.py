"""The list of apps, and the addresses at which they are found."""

from __future__ import annotations

import sys

from ml_core.launcher.apps import platform_apps
from ml_core.settings import ModelsSettings, Settings


def test_the_dashboard_comes_first() -> None:
    assert [(app.name, app.port) for app in platform_apps(Settings())] == [
        ("ml_monitor", 5001),
        ("ml_models", 5002),
        ("cloudwatch_engine", 5003),
        ("anomaly_api", 8080),
    ]


def test_an_app_listens_where_its_section_says() -> None:
    models = platform_apps(Settings(models=ModelsSettings(host="::1", port=6002)))[1]
    assert (models.host, models.port) == ("::1", 6002)
    assert models.port_variable == "ML_MODELS__PORT"


def test_an_app_is_served_by_its_package_with_the_same_python() -> None:
    assert platform_apps(Settings())[0].command == (sys.executable, "-m", "ml_monitor", "serve")
