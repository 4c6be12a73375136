"""Runs an app under granian, a WSGI server, until it is told to stop."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import socket
from collections.abc import Mapping
from contextlib import nullcontext
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server
from prometheus_client import values

from ml_core.commands import plain_errors
from ml_core.config import resolve_path
from ml_core.errors import ConfigurationError
from ml_core.settings import AppSettings, Settings
from ml_core.web.auth import check_listening
from ml_core.web.forwarding import also_listening

_STOP_SECONDS = 5  # for the requests in work; the launcher waits twice as long
_PR_SET_PDEATHSIG = 1  # of linux/prctl.h
_M_TRIM_THRESHOLD, _M_ARENA_MAX, _TRIM_BYTES = -1, -8, 65_536  # of malloc.h, for mallopt(3)


def serve(
    target: str, section: str, settings: Settings, listening: AppSettings, *, also_port: int | None = None
) -> None:
    """Serve the app that the factory ``target`` ("module:function") makes, until SIGTERM or SIGINT.

    ``section`` is the app's settings section, named in messages; ``also_port`` a second port on which it answers.
    Raises ``ConfigurationError`` if the app may not listen there, or a port is taken.
    """
    check_listening(listening.host, settings.auth)
    address = _free_address(listening.host, listening.port, f"ML_{section.upper()}__PORT (and __HOST)")
    if also_port is not None:
        _free_address(listening.host, also_port, f"ML_{section.upper()}__ALSO_PORT")
    os.environ.update(_metrics_environment(settings, section))
    server = Server(
        target,
        address=address,
        port=listening.port,
        interface=Interfaces.WSGI,
        factory=True,
        workers=listening.workers,
        blocking_threads=listening.threads,
        respawn_failed_workers=True,
        workers_kill_timeout=_STOP_SECONDS,
        websockets=False,
        log_level=LogLevels.warning,
    )
    with nullcontext() if also_port is None else also_listening(address, also_port, listening.port):
        server.serve(target_loader=partial(_load_in_worker, os.getpid()))


def _load_in_worker(parent: int, target: str) -> Any:
    """Return the app, in a worker process that is ready to be stopped, and ends when its parent does.

    Each worker listens on the port itself. One that outlived a killed parent would keep it, and nobody would know.
    """
    # Until the app is loaded the worker has its parent's handler, which would take note of SIGTERM and do nothing.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # Threads that share one heap, of which what is free goes back: else each keeps the most that it ever needed.
    libc.mallopt(_M_ARENA_MAX, 1)
    libc.mallopt(_M_TRIM_THRESHOLD, _TRIM_BYTES)
    if os.getppid() != parent:  # it ended before the line above
        os._exit(1)
    # `python app.py` has imported it before the variable was set that makes all workers share their counters.
    values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]
    module, _, factory = target.partition(":")
    with plain_errors():
        app = getattr(import_module(module), factory)()
    # What is loaded by now stays. Left out of every later collection, it makes them quick, and so that they come before
    # much has piled up.
    gc.collect()
    gc.freeze()
    return app


def _free_address(host: str, port: int, setting: str) -> str:
    """Return the address of the host to listen on, for the server takes no names."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        address = str(socket.getaddrinfo(host, None, family)[0][4][0])
        with socket.socket(family) as probe:
            # As the server will do it: a port that a stopped server still lingers on is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {host} port {port}: {error.strerror}; stop what uses it, or set {setting} to another"
        ) from None
    return address


def _metrics_environment(settings: Settings, section: str) -> Mapping[str, str]:
    """Return the variable by which all workers share their counters, its folder emptied."""
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
