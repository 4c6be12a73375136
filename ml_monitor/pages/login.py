"""Where tokens are configured, a browser gives one once here and keeps a session until it expires or is ended."""

from __future__ import annotations

from flask import Response, current_app, redirect, request

from ml_core.errors import NotFound, TooManyTries
from ml_core.web.auth import LOGIN_PATH
from ml_core.web.forms import check_form
from ml_core.web.sessions import Sessions
from ml_core.web.tries import Tries
from ml_monitor.pages import frame

_LOGOUT_PATH = "/ui/logout"
OPEN_PATHS = (LOGIN_PATH, _LOGOUT_PATH, "/ui/static/")
"""What a browser needs no token for: this page and its style, and to log out, which one may who may only read."""

blueprint = frame.PageBlueprint("login", __name__, is_ranged=False)


@blueprint.get(LOGIN_PATH)
def login_form() -> Response:
    """Ask for a token; where none is configured, there is nothing to ask."""
    _check_needed()
    return _form(200)


@blueprint.post(LOGIN_PATH)
def log_in() -> Response:
    """Begin a session for a token that is known, and lead on to what was asked for."""
    _check_needed()
    check_form()
    tries, sessions = _tries(), _sessions()
    caller = request.remote_addr or ""
    try:
        tries.check(caller)
    except TooManyTries as error:
        response = _form(error.status, f"Too many wrong tries. Wait {error.retry_after_seconds} seconds.")
        response.headers["Retry-After"] = str(error.retry_after_seconds)
        return response
    token = request.form.get("token", "").strip()
    if not token or sessions.scope_of(token) is None:
        tries.note_wrong(caller)
        return _form(403, "This token is not known.")
    tries.forget(caller)
    response = _to(_wanted())
    sessions.begin(response, token)
    return response


@blueprint.post(_LOGOUT_PATH)
def log_out() -> Response:
    """End the session of this browser."""
    check_form()
    response = _to(LOGIN_PATH)
    _sessions().end(response)
    return response


def _form(status: int, trouble: str = "") -> Response:
    page = frame.render_apart("login.html", next=_wanted(), trouble=trouble, hours=_sessions().length)
    return Response(page, status=status, mimetype="text/html")


def _wanted() -> str:
    """Return the page to go to afterwards: an address of ours, whatever was sent."""
    wanted = request.values.get("next", "/")
    # A browser takes // and /\ for the beginning of another host, and drops what it cannot print.
    is_ours = wanted.startswith("/") and wanted[1:2] not in ("/", "\\") and wanted.isprintable()
    return wanted if is_ours and not wanted.startswith(LOGIN_PATH) else "/"


def _to(address: str) -> Response:
    response = redirect(address, 303)
    assert isinstance(response, Response)
    return response


def _check_needed() -> None:
    auth = frame.settings().auth
    if not (auth.read_tokens or auth.write_tokens):
        raise NotFound("no token is needed here")


def _sessions() -> Sessions:
    found: Sessions = current_app.extensions["sessions"]
    return found


def _tries() -> Tries:
    found: Tries = current_app.extensions["login_tries"]
    return found
