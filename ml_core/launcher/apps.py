"""The apps that make up the platform, in the order in which their addresses are shown."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from ml_core.settings import AppSettings, Settings

_LOOPBACK_OF_ANY = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}


@dataclass(frozen=True, slots=True)
class App:
    """A web app: ``python -m <module> serve`` listens on ``host`` and ``port``, set in its section of the settings."""

    name: str
    module: str
    section: str
    host: str
    port: int
    title: str = ""

    @property
    def command(self) -> tuple[str, ...]:
        """The command that serves the app, with the Python that runs now."""
        return (sys.executable, "-m", self.module, "serve")

    @property
    def own_host(self) -> str:
        """The host at which this machine itself reaches the app: a wildcard address is no address to call."""
        return _LOOPBACK_OF_ANY.get(self.host, self.host)

    @property
    def url(self) -> str:
        """The address of the app's first page, as seen from this machine."""
        host = f"[{self.own_host}]" if ":" in self.own_host else self.own_host
        return f"http://{host}:{self.port}/"

    @property
    def port_variable(self) -> str:
        """The environment variable that moves the app to another port."""
        return f"ML_{self.section.upper()}__PORT"


def platform_apps(settings: Settings) -> tuple[App, ...]:
    """Return the apps of the platform, the dashboard first."""

    def app(name: str, section: str, listening: AppSettings, title: str) -> App:
        return App(name, name, section, listening.host, listening.port, title)

    return (
        app("ml_monitor", "monitor", settings.monitor, "dashboard and monitoring API"),
        app("ml_models", "models", settings.models, "models and predictions API"),
        app("cloudwatch_engine", "cloudwatch", settings.cloudwatch, "CPU forecasts with an early warning"),
    )
