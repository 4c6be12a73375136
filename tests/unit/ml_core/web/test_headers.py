"""What browsers are told that our pages may do."""

from __future__ import annotations

import pytest
from flask import Response
from flask.testing import FlaskClient

from tests.unit.ml_core.web.conftest import MakeApp


def policy(response: object) -> dict[str, list[str]]:
    """Return the content security policy by directive."""
    text: str = response.headers["Content-Security-Policy"]  # type: ignore[attr-defined]
    return {name: sources for name, *sources in (part.split() for part in text.split(";"))}


@pytest.mark.parametrize("path", ["/healthz", "/things/a", "/nowhere", "/metrics", "/docs", "/openapi/swagger"])
def test_every_answer_keeps_browsers_from_guessing_and_from_telling_others(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/things/a", "/nowhere", "/openapi/swagger", "/openapi/", "/openapi.json"])
def test_no_page_may_load_anything_from_elsewhere_or_be_framed(client: FlaskClient, path: str) -> None:
    found = policy(client.get(path))
    assert found["default-src"] == ["'self'"]
    assert found["frame-ancestors"] == ["'none'"]
    assert found["object-src"] == ["'none'"]
    assert found["base-uri"] == ["'none'"]
    sources = {source for sources in found.values() for source in sources}
    assert sources <= {"'self'", "'none'", "'unsafe-inline'", "data:"}
    assert "data:" not in found["script-src"]


def test_inline_scripts_run_on_the_pages_of_swagger_only(client: FlaskClient) -> None:
    assert policy(client.get("/things/a"))["script-src"] == ["'self'"]
    assert policy(client.get("/openapi.json"))["script-src"] == ["'self'"]
    assert policy(client.get("/openapi/swagger"))["script-src"] == ["'self'", "'unsafe-inline'"]


def test_a_view_may_set_its_own(make_app: MakeApp) -> None:
    app = make_app()
    own = {"Content-Security-Policy": "default-src 'none'", "Referrer-Policy": "no-referrer"}
    app.add_url_rule("/own", "own", view_func=lambda: Response("own", headers=own))
    headers = app.test_client().get("/own").headers
    assert headers.getlist("Content-Security-Policy") == ["default-src 'none'"]
    assert headers.getlist("Referrer-Policy") == ["no-referrer"]
