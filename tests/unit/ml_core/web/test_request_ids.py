"""An id for every request."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable

import pytest
from flask import g
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml_core.ids import id_time
from ml_core.logs import current_id
from tests.factories import NOON
from tests.unit.ml_core.web.conftest import MakeApp

LogLines = Callable[[Callable[[], object]], list[str]]


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "ml_core.web.request_ids"]


def test_a_request_without_an_id_gets_one_that_tells_its_time(client: FlaskClient) -> None:
    given_id = client.get("/healthz").headers["X-Request-ID"]
    assert id_time(given_id) == NOON
    assert client.get("/healthz").headers["X-Request-ID"] != given_id


@pytest.mark.parametrize("sent", ["a", "order-17", "A.b_c-9", "x" * 64])
def test_an_id_that_came_with_the_request_goes_back_with_the_answer(client: FlaskClient, sent: str) -> None:
    assert client.get("/healthz", headers={"X-Request-ID": sent}).headers["X-Request-ID"] == sent


@pytest.mark.parametrize(
    "sent", ["", " ", "x" * 65, "a b", "a/b", "<b>", "a;b", "\xe9", "a\tb", "a%0d%0ab", "é", "\u0661", "a]b", "[a"]
)
def test_an_id_that_could_be_mistaken_for_something_else_is_replaced(client: FlaskClient, sent: str) -> None:
    answered = client.get("/healthz", headers={"X-Request-ID": sent}).headers["X-Request-ID"]
    assert answered != sent
    assert id_time(answered) == NOON


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.text(st.characters(max_codepoint=255), min_size=1))
def test_no_header_can_forge_a_log_line_or_another_header(client: FlaskClient, sent: str) -> None:
    # A server would refuse line breaks in a header; the app must not lean on it.
    response = client.get("/healthz", environ_overrides={"HTTP_X_REQUEST_ID": sent})
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", response.headers["X-Request-ID"])
    assert response.headers.getlist("X-Request-ID") == [response.headers["X-Request-ID"]]


def test_views_and_log_lines_have_the_id_of_their_request(make_app: MakeApp, log_lines: LogLines) -> None:
    app = make_app()
    app.add_url_rule("/id", "id", view_func=lambda: current_id.get())
    seen: list[str] = []
    (line,) = log_lines(lambda: seen.append(app.test_client().get("/id", headers={"X-Request-ID": "order-17"}).text))
    assert seen == ["order-17"]
    assert " INFO [order-17] ml_core.web.request_ids: GET /id 200 " in line


def test_every_answer_is_logged_with_method_path_status_and_duration(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    client.get("/things/a?secret=s3cret")
    client.post("/nowhere")
    first, second = lines(caplog)
    assert re.fullmatch(r"GET /things/a 200 \d+\.\d ms", first)
    assert re.fullmatch(r"POST /nowhere 404 \d+\.\d ms", second)


def test_a_path_with_line_breaks_stays_on_one_log_line(client: FlaskClient, log_lines: LogLines) -> None:
    path = "/things/a%0d%0a2026-11-20T12:00:00.000Z INFO [forged] suite: all is well%1b[2J"
    (line,) = log_lines(lambda: client.get(path))
    assert "GET /things/a\\r\\n2026-11-20" in line
    assert "\x1b" not in line


def test_answers_with_an_error_have_an_id_too(make_app: MakeApp) -> None:
    app = make_app()
    app.add_url_rule("/fail", "fail", view_func=lambda: 1 / 0)
    for path in ("/fail", "/nowhere"):
        assert id_time(app.test_client().get(path).headers["X-Request-ID"]) == NOON


def test_the_start_of_a_request_is_known_to_those_who_time_it(make_app: MakeApp) -> None:
    app = make_app()
    app.add_url_rule("/started", "started", view_func=lambda: str(g.started > 0))
    assert app.test_client().get("/started").text == "True"


def test_after_a_request_its_thread_logs_under_no_id_again(client: FlaskClient) -> None:
    client.get("/healthz", headers={"X-Request-ID": "order-17"})
    assert current_id.get() == "-"
