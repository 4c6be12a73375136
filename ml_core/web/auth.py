"""Who may call: bearer tokens with the scopes read and write, and on loopback without tokens only local names.

A person gives the token once, on the page at ``/ui/login`` where the app has pages, and the browser keeps a session;
or as the password of HTTP Basic. By a session one can read, and send the forms of pages: those below ``/ui`` are
checked to come from a page of ours, which no other address is.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from flask import Flask, g, redirect, request
from pydantic import SecretStr
from werkzeug.exceptions import SecurityError
from werkzeug.wrappers import Response

from ml_core.clock import Clock
from ml_core.errors import ConfigurationError, Forbidden, Unauthorized
from ml_core.settings import AuthSettings
from ml_core.web.sessions import Scope, Sessions, is_among

LOGIN_PATH = "/ui/login"
_PAGES = "/ui/"
_OPEN_PATHS = frozenset({"/healthz", "/readyz"})
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_MOST_BODY_BYTES = 256 * 1024
_LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class BodyKeys:
    """An address whose clients may send their token in a field of the body, or one of ``keys``, known there alone."""

    field: str
    keys: Sequence[SecretStr] = ()


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


def init_app(
    app: Flask,
    auth: AuthSettings,
    host: str,
    clock: Clock,
    *,
    open_paths: tuple[str, ...] = (),
    body_keys: Mapping[str, BodyKeys] | None = None,
) -> None:
    """Check each request before its view runs.

    ``open_paths`` are the beginnings of further addresses that need no token: the page that asks for one, and what it
    loads. Where there are any, a browser that has no token is sent to that page. ``body_keys`` are by address.
    """
    sessions = app.extensions["sessions"] = Sessions(auth, clock)
    if not (auth.read_tokens or auth.write_tokens):
        names = known_names(auth, host)
        app.before_request(lambda: _check_name(names))
        return

    def check() -> Response | None:
        g.may_read = g.may_write = False
        if request.path in _OPEN_PATHS:
            return None
        token = _sent_token()
        in_body = None if token else (body_keys or {}).get(request.path)
        if in_body is not None and request.method == "POST":
            token = _key_in_body(in_body.field)
            if is_among(token, in_body.keys):
                _check_scope("write")
                return None
        by_session = None if token else sessions.scope()
        g.has_session = by_session is not None
        if open_paths and request.path.startswith(open_paths):
            return None
        if not token and by_session is None:
            if open_paths and _is_browser():
                return redirect(f"{LOGIN_PATH}?{urlencode({'next': request.full_path.rstrip('?')})}", 303)
            raise Unauthorized("send the header Authorization: Bearer <token>")
        scope = by_session or sessions.scope_of(token)
        _check_scope(scope)
        if by_session and request.method not in _READING and not request.path.startswith(_PAGES):
            raise Forbidden("a session of a browser may only send the forms of pages; send a token")
        return None

    app.before_request(check)


def may_read() -> bool:
    """Return whether who sends this request may see what the store holds."""
    return bool(g.get("may_read", True))


def may_write() -> bool:
    """Return whether who sends this request may change something, so that a page offers it."""
    return bool(g.get("may_write", True))


def has_session() -> bool:
    """Return whether this request comes by a session, which can be ended."""
    return bool(g.get("has_session", False))


def _check_scope(scope: Scope | None) -> None:
    if scope is None:
        raise Unauthorized("this token is not known")
    g.may_read, g.may_write = True, scope == "write"
    if request.method not in _READING and scope != "write":
        raise Forbidden("this token may read only; use one with the scope write")


def _key_in_body(field: str) -> str:
    """Return the token in a field of the body, "" for none; who is not known yet is not heard at any length."""
    if request.content_length is None or request.content_length > _MOST_BODY_BYTES:
        return ""
    key = request.get_json().get(field)
    return key if isinstance(key, str) else ""


def _is_browser() -> bool:
    accepts = request.accept_mimetypes
    return request.method in ("GET", "HEAD") and accepts["text/html"] > accepts["application/json"]


def _check_name(names: Collection[str]) -> None:
    """Refuse a request that calls this app by another name.

    Any web page a user opens may point a name of its own at 127.0.0.1 (DNS rebinding). Not by Flask's TRUSTED_HOSTS,
    to which no IPv6 address is ever trusted.
    """
    if host_name(request.host) not in names:
        raise SecurityError("this app is not known by the name in the header Host; see the setting auth.trusted_hosts")


def known_names(auth: AuthSettings, host: str) -> frozenset[str]:
    """Return the names by which an app without tokens may be called."""
    return frozenset(name.lower() for name in (*_LOCAL_NAMES, host, *auth.trusted_hosts))


def host_name(host: str) -> str | None:
    """Return the name in a header ``Host``, without its port; None if it holds none."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:  # a bracket without its other half
        return None


def _sent_token() -> str:
    sent = request.authorization
    if sent is None:
        return ""
    return (sent.token if sent.type == "bearer" else sent.password if sent.type == "basic" else "") or ""
