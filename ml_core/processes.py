"""The processes of the suite: by what name this one is known to the others."""

from __future__ import annotations

import os
import socket


def this_process() -> str:
    """Return what this process is known by in histories and leases, such as ``web-1:4711``."""
    return f"{socket.gethostname()}:{os.getpid()}"
