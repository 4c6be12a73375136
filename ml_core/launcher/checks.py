"""What must hold before anything is started. Each check returns, or raises an error that says what to do."""

from __future__ import annotations

import errno
import os
import socket
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ml_core.config import resolve_path
from ml_core.launcher.errors import LauncherError
from ml_core.launcher.proc import listener
from ml_core.launcher.programs import Program
from ml_core.settings import Settings

_OLDEST, _NEWEST = (3, 11), (3, 13)


def check_python(version: tuple[int, int] = sys.version_info[:2]) -> None:
    """Refuse a Python that the suite's packages were not locked for."""
    if not _OLDEST <= version <= _NEWEST:
        raise LauncherError(
            f"Python 3.11, 3.12 or 3.13 is needed, and this is {version[0]}.{version[1]}: run ./install.sh, "
            "then make run-platform"
        )


def writable_folder(setting: str, path: str) -> Path:
    """Return the folder that a setting names, made if need be and proven to be writable."""
    folder = resolve_path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass  # that it could be made is the proof; permissions alone do not tell of a full or read-only disk
    except OSError as error:
        raise LauncherError(
            f"cannot write to {folder}: {error.strerror}; make it writable, or set ML_{setting.upper()} to another"
        ) from None
    return folder


def check_log(program: Program, log_folder: Path) -> None:
    """Refuse a log file that belongs to someone else."""
    log = log_folder / f"{program.name}.log"
    if log.exists() and not (log.is_file() and os.access(log, os.W_OK)):
        raise LauncherError(f"cannot write to {log}: remove it, or set ML_LOG_FOLDER to another folder")


def check_store(settings: Settings) -> frozenset[str]:
    """Return the names of the models in the store; refuse one that cannot be opened, read and written."""
    # Imported here: it brings pandas, half a second that stopping and status need not wait for.
    from ml_core.store.opening import open_store

    store = open_store(settings.store_url.get_secret_value())
    try:
        store.check()
        return frozenset(model.name for model in store.list_models())
    finally:
        store.close()


def check_ports(programs: Sequence[Program], missing: Sequence[Program]) -> None:
    """Refuse two programs on one port, and a port of ``missing`` on which another program listens."""
    by_port: dict[int, Program] = {}
    for program in filter(lambda program: program.port, programs):
        other = by_port.setdefault(program.port, program)
        if other is not program:
            raise LauncherError(
                f"{other.name} and {program.name} are both set to port {program.port}: "
                f"set {program.port_variable} to another port"
            )
    for program in missing:
        if program.port:
            _check_port(program)


def _check_port(program: Program) -> None:
    try:
        found = socket.getaddrinfo(program.host or None, program.port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = found[0]
        with socket.socket(family, kind, protocol) as probe:
            # As servers do it: a port on which a stopped server's connections still linger is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise LauncherError(_explain(program, error)) from None


def _explain(program: Program, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        found = listener(program.port)
        who = f" (pid {found[0]}, {found[1]})" if found else ""
        return (
            f"port {program.port} is in use by another program{who}: stop it, "
            f"or set {program.port_variable} to another port"
        )
    return (
        f"{program.name} cannot listen on {program.host} port {program.port}: {error.strerror}; "
        f"set {program.address_variables} to another"
    )
