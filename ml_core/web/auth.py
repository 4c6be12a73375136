"""Who may call: bearer tokens with the scopes read and write, and on loopback without tokens only local names.

A browser that is asked for a name and password gives the token as the password (HTTP Basic), so that pages can be
read where tokens are configured.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, request
from pydantic import SecretStr
from werkzeug.exceptions import SecurityError

from ml_core.errors import ConfigurationError, Forbidden, Unauthorized
from ml_core.settings import AuthSettings

_OPEN_PATHS = frozenset({"/healthz", "/readyz"})
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
_REMEMBERED_NAMES = 64


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach ``host``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_listening(host: str, auth: AuthSettings) -> None:
    """Raise ``ConfigurationError`` if an app would listen beyond loopback without any token."""
    if is_loopback(host) or auth.read_tokens or auth.write_tokens:
        return
    raise ConfigurationError(
        f"host {host} can be reached from other machines, so tokens are needed: set ML_AUTH__READ_TOKENS and "
        "ML_AUTH__WRITE_TOKENS (or ..._FILE), or listen on 127.0.0.1"
    )


def init_app(app: Flask, auth: AuthSettings, host: str) -> None:
    """Check each request before its view runs."""
    if not (auth.read_tokens or auth.write_tokens):
        names = {name.lower() for name in (*_LOCAL_NAMES, host, *auth.trusted_hosts)}
        app.before_request(lambda: _check_name(names))
        return

    def check() -> None:
        if request.path in _OPEN_PATHS:
            return
        token = _sent_token()
        if not token:
            raise Unauthorized("send the header Authorization: Bearer <token>")
        # Both lists are always compared in full, so that the time taken tells nothing about either.
        may_write, may_read = _is_among(token, auth.write_tokens), _is_among(token, auth.read_tokens)
        if not (may_write or may_read):
            raise Unauthorized("this token is not known")
        if request.method not in _READING and not may_write:
            raise Forbidden("this token may read only; use one with the scope write")

    app.before_request(check)


def make_gate(auth: AuthSettings, host: str) -> Callable[[Mapping[str, Any]], bool]:
    """Return whether a writing request with this WSGI environment may surely pass, for what answers before Flask does.

    It knows less than the check before each view: what it does not let pass is for that check to judge and explain.
    """
    if auth.read_tokens or auth.write_tokens:

        def has_token(environ: Mapping[str, Any]) -> bool:
            kind, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
            return kind.lower() == "bearer" and _is_among(token, auth.write_tokens)

        return has_token
    names = {name.lower() for name in (*_LOCAL_NAMES, host, *auth.trusted_hosts)}
    passed: set[str] = set()

    def has_name(environ: Mapping[str, Any]) -> bool:
        sent = environ.get("HTTP_HOST", "")
        if sent in passed:
            return True
        if _host_name(sent) not in names:
            return False
        if len(passed) < _REMEMBERED_NAMES:  # a name may come with any port
            passed.add(sent)
        return True

    return has_name


def _check_name(names: Collection[str]) -> None:
    """Refuse a request that calls this app by another name.

    Any web page a user opens may point a name of its own at 127.0.0.1 (DNS rebinding). Not by Flask's TRUSTED_HOSTS,
    to which no IPv6 address is ever trusted.
    """
    if _host_name(request.host) not in names:
        raise SecurityError("this app is not known by the name in the header Host; see the setting auth.trusted_hosts")


def _host_name(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:  # a bracket without its other half
        return None


def _sent_token() -> str:
    sent = request.authorization
    if sent is None:
        return ""
    return (sent.token if sent.type == "bearer" else sent.password if sent.type == "basic" else "") or ""


def _is_among(token: str, known: Iterable[SecretStr]) -> bool:
    matches = [hmac.compare_digest(token.encode(), secret.get_secret_value().encode()) for secret in known]
    return any(matches)
