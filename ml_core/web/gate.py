"""Who may pass, asked of a bare WSGI environment: for what answers before Flask does.

It knows less than the check that ``auth`` makes before each view, and lets pass nobody whom that would not. Whom it
does not let pass is for that check to judge, and to tell why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ml_core.settings import AuthSettings
from ml_core.web.auth import host_name, known_names
from ml_core.web.sessions import Sessions

Gate = Callable[[Mapping[str, Any]], bool]
_REMEMBERED_HOSTS = 64


def make_gate(auth: AuthSettings, host: str, sessions: Sessions) -> Gate:
    """Return the gate of an app that listens on ``host``, for requests that write."""
    if auth.read_tokens or auth.write_tokens:

        def has_token(environ: Mapping[str, Any]) -> bool:
            kind, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
            return bool(token) and kind.lower() == "bearer" and sessions.scope_of(token) == "write"

        return has_token
    names = known_names(auth, host)
    passed: set[str] = set()

    def has_name(environ: Mapping[str, Any]) -> bool:
        sent = environ.get("HTTP_HOST", "")
        if sent in passed:
            return True
        if host_name(sent) not in names:
            return False
        if len(passed) < _REMEMBERED_HOSTS:  # a name may come with any port
            passed.add(sent)
        return True

    return has_name
