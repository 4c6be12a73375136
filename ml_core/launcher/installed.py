"""Finds programs that are not of the suite: on the PATH, or where ``install.sh`` has unpacked them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from ml_core.config import project_root

_TEMPLATES = Path("/usr/share/prometheus/alertmanager/default.tmpl")


def unpacked_folder() -> Path:
    """Return the folder below which ``install.sh --platform`` unpacks Debian's packages."""
    return project_root() / "var" / "tools" / "usr"


def find_program(name: str) -> str | None:
    """Return the path of a program, or None if it is not installed."""
    unpacked = unpacked_folder()
    # Debian keeps daemons where the PATH of a user does not lead.
    folders = [os.environ.get("PATH", os.defpath), "/usr/sbin", str(unpacked / "bin"), str(unpacked / "sbin")]
    return shutil.which(name, path=os.pathsep.join(folders))


def alertmanager_command() -> tuple[str, ...] | None:
    """Return the command that starts the Alertmanager, to which arguments are added; None if it cannot be started.

    Debian's reads its templates below /usr/share alone. Where it is unpacked elsewhere it gets a view of the file
    system of its own (user_namespaces(7)), in which they are there; nobody else sees that. A machine may forbid this.
    """
    program = find_program("prometheus-alertmanager") or find_program("alertmanager")
    if program is None:
        return None
    if _TEMPLATES.exists() or not Path(program).is_relative_to(unpacked_folder()):
        return (program,)
    view = (find_program("unshare") or "unshare", "--map-root-user", "--mount", "sh", "-c")
    share = Path(program).resolve().parents[1] / "share"
    mount = 'mount --bind "$1" /usr/share && shift && exec "$@"'
    if not _runs(*view, mount, "sh", str(share), "true"):
        return None
    return (*view, mount, "sh", str(share), program)


def _runs(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=10).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
