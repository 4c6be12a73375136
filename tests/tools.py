"""Servers that only tests start: those on the PATH, or those that ``install.sh --dev`` has unpacked."""

from __future__ import annotations

import os
import shutil

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
