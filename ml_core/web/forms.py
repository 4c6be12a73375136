"""Forms that change something: only a page of ours may send them, on loopback too.

Any page that a browser shows can post a form to this app. Three things tell ours from another's: the headers by which
browsers name where a request comes from, a cookie that only our pages set, and a token in the form that goes with it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, request

from ml_core.errors import Forbidden
from ml_core.web.sessions import COOKIE as SESSION_COOKIE
from ml_core.web.sessions import Sessions, set_cookie

FIELD = "form_token"
COOKIE = "ml_form"
FORM_TYPE = "application/x-www-form-urlencoded"
_NONCE_CHARACTERS = 22


def init_app(app: Flask) -> None:
    """Set the cookie of forms with each answer that holds the first form of a visit."""

    def add_cookie(response: Response) -> Response:
        if "form_nonce" in g:
            set_cookie(response, COOKIE, g.form_nonce)
        return response

    app.after_request(add_cookie)


def form_token() -> str:
    """Return the hidden value of a form of this app, for this browser and session."""
    nonce = _sent_nonce() or g.get("form_nonce")
    if nonce is None:
        nonce = g.form_nonce = secrets.token_urlsafe(16)
    return _token(nonce)


def check_form() -> None:
    """Raise ``Forbidden`` unless the form that this request sends is on a page of ours."""
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        raise Forbidden("this form was sent from another site")
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise Forbidden("this form was sent from another site")
    nonce = _sent_nonce()
    given = request.form.get(FIELD, "")
    if nonce is None or not hmac.compare_digest(given.encode(), _token(nonce).encode()):
        raise Forbidden("this form has expired; load the page again and send it once more")


def _sent_nonce() -> str | None:
    nonce = request.cookies.get(COOKIE, "")
    return nonce if len(nonce) == _NONCE_CHARACTERS else None


def _token(nonce: str) -> str:
    sessions: Sessions = current_app.extensions["sessions"]
    content = f"form\0{request.cookies.get(SESSION_COOKIE, '')}\0{nonce}"
    return hmac.new(sessions.key, content.encode(), hashlib.sha256).hexdigest()
