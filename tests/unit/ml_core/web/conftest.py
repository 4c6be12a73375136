"""A small app on the base that all apps share, with one route of each kind."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from flask import Response, jsonify, request
from flask.testing import FlaskClient

from ml_core import logs
from ml_core.clock import FixedClock
from ml_core.logs import current_id
from ml_core.settings import AuthSettings, LimitSettings, Settings
from ml_core.web.base_app import SuiteApp, create_base_app
from ml_core.web.errors import ErrorPage
from ml_core.web.health import Check, Notices

MakeApp = Callable[..., SuiteApp]


@pytest.fixture(autouse=True)
def _own_request_id() -> Iterator[None]:
    """A request leaves its id behind; let each test begin and end without one."""
    token = current_id.set("-")
    yield
    current_id.reset(token)


@pytest.fixture
def log_lines(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[Callable[[], object]], list[str]]]:
    """Return what is logged, as a process writes it, while something is done."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def lines_of(work: Callable[[], object]) -> list[str]:
        logs.configure("INFO")
        work()
        return capsys.readouterr().err.splitlines()

    yield lines_of
    root.handlers[:], root.level = handlers, level


@pytest.fixture
def make_app(settings: Settings, clock: FixedClock) -> MakeApp:
    """Make the small app; by default as it listens on loopback without tokens."""

    def make(
        *,
        auth: AuthSettings | None = None,
        host: str = "127.0.0.1",
        body_bytes: int = 64 * 1024,
        checks: Mapping[str, Check] | None = None,
        notices: Notices = list,
        error_page: ErrorPage | None = None,
    ) -> SuiteApp:
        changes = {"auth": auth or AuthSettings(), "limits": LimitSettings(body_bytes=body_bytes)}
        changed = settings.model_copy(update=changes)
        listening = settings.models.model_copy(update={"host": host})
        app = create_base_app(
            "small",
            "Small",
            changed,
            listening,
            clock=clock,
            checks=checks or {},
            notices=notices,
            error_page=error_page,
        )
        app.add_url_rule("/echo", view_func=_echo, methods=["POST"])
        app.add_url_rule("/things/<name>", view_func=_thing)
        return app

    return make


def _echo() -> Response:
    return jsonify(request.get_json())


def _thing(name: str) -> Response:
    return jsonify({"name": name})


@pytest.fixture
def client(make_app: MakeApp) -> FlaskClient:
    """A client of the small app."""
    return make_app().test_client()


def error_of(response: Any) -> dict[str, Any]:
    """Return the content of an error answer, which must have the one shape of all errors."""
    assert response.mimetype == "application/json"
    body = response.get_json()
    assert set(body) == {"error"}
    assert list(body["error"]) == ["code", "message", "details", "request_id"]
    assert body["error"]["request_id"] == response.headers["X-Request-ID"]
    error: dict[str, Any] = body["error"]
    return error
