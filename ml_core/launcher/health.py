"""Asks a program whether it is ready."""

from __future__ import annotations

import http.client

from ml_core.launcher.programs import Program

_SHOWN_BYTES = 300


def unready(program: Program, timeout_seconds: float = 2.0) -> str | None:
    """Return why a program is not ready, or None if ``GET`` of its ``ready_path`` answers 200 or it has none."""
    if not program.port:
        return None
    asked = f"GET {program.url.rstrip('/')}{program.ready_path}"
    # Not by urllib or requests: those would send the call to a proxy that the environment names.
    connection = http.client.HTTPConnection(program.own_host, program.port, timeout=timeout_seconds)
    try:
        connection.request("GET", program.ready_path)
        with connection.getresponse() as response:
            body = response.read(_SHOWN_BYTES).decode("utf-8", errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        return f"{asked}: {error or type(error).__name__}"
    finally:
        connection.close()
    return None if response.status == http.client.OK else f"{asked}: {response.status} {body}"
