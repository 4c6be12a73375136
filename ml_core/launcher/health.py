"""Asks an app whether it is ready."""

from __future__ import annotations

import http.client

from ml_core.launcher.apps import App

_SHOWN_BYTES = 300


def unready(app: App, timeout_seconds: float = 2.0) -> str | None:
    """Return why an app is not ready, or None if ``GET /readyz`` answers 200."""
    # Not by urllib or requests: those would send the call to a proxy that the environment names.
    connection = http.client.HTTPConnection(app.own_host, app.port, timeout=timeout_seconds)
    try:
        connection.request("GET", "/readyz")
        with connection.getresponse() as response:
            body = response.read(_SHOWN_BYTES).decode("utf-8", errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        return f"GET {app.url}readyz: {error or type(error).__name__}"
    finally:
        connection.close()
    return None if response.status == http.client.OK else f"GET {app.url}readyz: {response.status} {body}"
