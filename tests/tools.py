"""Servers that only tests start, and those of the platform: on the PATH, or where ``install.sh`` has unpacked them."""

from __future__ import annotations

import pytest

from ml_core.launcher.installed import alertmanager_command, find_program


def tool(name: str) -> str:
    """Return the path of a server's program; fail if it is not installed: what was not tried is not tested."""
    found = find_program(name)
    if found is None:
        pytest.fail(f"needs {name}: run ./install.sh --dev")
    return found


def alertmanager() -> list[str]:
    """Return the command that starts the Alertmanager, to which arguments are added."""
    tool("prometheus-alertmanager")
    command = alertmanager_command()
    if command is None:
        pytest.fail("the Alertmanager that install.sh unpacks needs user namespaces (unshare), which are not to be had")
    return list(command)
