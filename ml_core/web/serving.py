"""Runs an app under granian, a WSGI server, until it is told to stop."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

from ml_core.config import resolve_path
from ml_core.errors import ConfigurationError
from ml_core.settings import AppSettings, Settings
from ml_core.web.auth import check_listening


def serve(target: str, section: str, settings: Settings, listening: AppSettings) -> None:
    """Serve the app that the factory ``target`` ("module:function") makes, until SIGTERM or SIGINT.

    ``section`` is the app's settings section, named in messages. Raises ``ConfigurationError`` if the app may not
    listen there, or its port is taken.
    """
    check_listening(listening.host, settings.auth)
    _check_port(listening, section)
    os.environ.update(_metrics_environment(settings, section))
    Server(
        target,
        address=listening.host,
        port=listening.port,
        interface=Interfaces.WSGI,
        factory=True,
        workers=listening.workers,
        blocking_threads=listening.threads,
        respawn_failed_workers=True,
        websockets=False,
        log_level=LogLevels.warning,
    ).serve()


def _check_port(listening: AppSettings, section: str) -> None:
    family = socket.AF_INET6 if ":" in listening.host else socket.AF_INET
    with socket.socket(family) as probe:
        # As the server will do it: a port that a stopped server still lingers on is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((listening.host, listening.port))
        except OSError as error:
            raise ConfigurationError(
                f"cannot listen on {listening.host} port {listening.port}: {error.strerror}; stop what uses it, or "
                f"set ML_{section.upper()}__PORT (and __HOST) to another"
            ) from None


def _metrics_environment(settings: Settings, section: str) -> Mapping[str, str]:
    """Return the variable by which all workers share their counters, its folder emptied.

    prometheus_client reads it when it is first imported, so it must be set before any worker starts.
    """
    folder = resolve_path(settings.run_folder) / "metrics" / section
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.db"):
            Path(old).unlink()
    except OSError as error:
        raise ConfigurationError(
            f"run_folder: cannot write {folder}: {error.strerror}; set ML_RUN_FOLDER to a folder that can be written"
        ) from None
    return {"PROMETHEUS_MULTIPROC_DIR": str(folder)}
