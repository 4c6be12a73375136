"""What who starts processes of the suite needs: a name for this one, a free port, and an end for the others."""

from __future__ import annotations

import os
import socket
import subprocess


def this_process() -> str:
    """Return what this process is known by in histories and leases, such as ``web-1:4711``."""
    return f"{socket.gethostname()}:{os.getpid()}"


def free_port() -> int:
    """Return a port of loopback on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def end_process(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Ask a child process to end, and wait until it has; one that takes longer than so many seconds is killed."""
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
