"""Servers that only tests start: those on the PATH, or those that ``install.sh --dev`` has unpacked."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from ml_core.config import project_root


def tool(name: str) -> str:
    """Return the path of a server's program; fail if it is not installed: what was not tried is not tested."""
    unpacked = project_root() / "var" / "tools" / "usr"
    folders = [os.environ.get("PATH", os.defpath), "/usr/sbin", str(unpacked / "bin"), str(unpacked / "sbin")]
    found = shutil.which(name, path=os.pathsep.join(folders))
    if found is None:
        pytest.fail(f"needs {name}: run ./install.sh --dev")
    return found


def alertmanager() -> list[str]:
    """Return the command that starts the Alertmanager, to which arguments are added.

    Debian's reads its templates below /usr/share alone. Where it is unpacked elsewhere it gets a view of the file
    system of its own (user_namespaces(7)), in which they are there; nobody else sees that.
    """
    program = tool("prometheus-alertmanager")
    if Path("/usr/share/prometheus/alertmanager/default.tmpl").exists():
        return [program]
    share = Path(program).resolve().parents[1] / "share"
    mounted = 'mount --bind "$1" /usr/share && shift && exec "$@"'
    return [tool("unshare"), "--map-root-user", "--mount", "sh", "-c", mounted, "sh", str(share), program]
