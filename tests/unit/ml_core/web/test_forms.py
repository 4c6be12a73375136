"""Only a page of ours sends a form that changes something."""

from __future__ import annotations

import re

import pytest
from flask import Response
from flask.testing import FlaskClient

from ml_core.settings import AuthSettings
from ml_core.web.forms import COOKIE, FIELD, check_form, form_token
from ml_core.web.sessions import Sessions
from tests.unit.ml_core.web.conftest import MakeApp, error_of


def make_client(make_app: MakeApp, auth: AuthSettings | None = None) -> FlaskClient:
    app = make_app(auth=auth)

    def begin() -> Response:
        response = Response("begun")
        sessions: Sessions = app.extensions["sessions"]
        sessions.begin(response, "writer")
        return response

    def send() -> str:
        check_form()
        return "done"

    app.add_url_rule("/ui/form", view_func=lambda: f"{form_token()} {form_token()}")
    app.add_url_rule("/ui/begin", view_func=begin)
    app.add_url_rule("/ui/form", view_func=send, endpoint="send", methods=["POST"])
    app.add_url_rule("/change", view_func=lambda: "done", endpoint="change", methods=["POST"])
    return app.test_client()


@pytest.fixture
def visitor(make_app: MakeApp) -> FlaskClient:
    """A browser on loopback that is not asked for a token."""
    return make_client(make_app)


def token_on(client: FlaskClient) -> str:
    first, second = client.get("/ui/form").text.split()
    assert first == second
    return first


def test_a_form_of_ours_is_taken(visitor: FlaskClient) -> None:
    token = token_on(visitor)
    assert token_on(visitor) == token  # so that two open pages do not undo each other
    for headers in ({}, {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}):
        assert visitor.post("/ui/form", data={FIELD: token}, headers=headers).text == "done"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:8000"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
def test_a_form_of_another_site_is_refused_though_it_knows_the_token(
    visitor: FlaskClient, headers: dict[str, str]
) -> None:
    answer = visitor.post("/ui/form", data={FIELD: token_on(visitor)}, headers=headers)
    assert answer.status_code == 403
    assert error_of(answer)["message"] == "this form was sent from another site"


@pytest.mark.parametrize("data", [{}, {FIELD: ""}, {FIELD: "0" * 64}, {FIELD: "ä"}], ids=str)
def test_a_form_without_its_token_is_refused(visitor: FlaskClient, data: dict[str, str]) -> None:
    token_on(visitor)
    assert visitor.post("/ui/form", data=data).status_code == 403


def test_a_token_is_of_one_browser_alone(visitor: FlaskClient, make_app: MakeApp) -> None:
    other = make_client(make_app)
    token_on(other)
    assert other.post("/ui/form", data={FIELD: token_on(visitor)}).status_code == 403
    assert make_client(make_app).post("/ui/form", data={FIELD: token_on(visitor)}).status_code == 403


def test_no_script_reads_its_cookie(visitor: FlaskClient) -> None:
    (cookie,) = visitor.get("/ui/form").headers.getlist("Set-Cookie")
    assert re.fullmatch(rf"{COOKIE}=[\w-]{{22}}; HttpOnly; Path=/; SameSite=Lax", cookie)
    assert "Set-Cookie" not in visitor.get("/ui/form").headers


def test_a_session_sends_forms_of_pages_and_changes_nothing_else(make_app: MakeApp) -> None:
    client = make_client(make_app, AuthSettings(write_tokens=("writer",)))
    client.get("/ui/begin", headers={"Authorization": "Bearer writer"})
    assert client.post("/ui/form", data={FIELD: token_on(client)}).text == "done"
    assert client.post("/ui/form").status_code == 403
    refused = client.post("/change")
    assert error_of(refused)["message"].startswith("a session of a browser may only send the forms of pages")
    assert client.post("/change", headers={"Authorization": "Bearer writer"}).text == "done"


def test_a_form_made_before_a_log_in_is_not_taken_after_it(make_app: MakeApp) -> None:
    client = make_client(make_app, AuthSettings(write_tokens=("writer",)))
    bearer = {"Authorization": "Bearer writer"}
    before = client.get("/ui/form", headers=bearer).text.split()[0]
    client.get("/ui/begin", headers=bearer)
    assert client.post("/ui/form", data={FIELD: before}).status_code == 403
