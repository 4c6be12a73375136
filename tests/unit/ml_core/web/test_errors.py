"""One shape for every error, and nothing in it that a stranger should not see."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import flask
import pytest
from flask.testing import FlaskClient
from pydantic import BaseModel, Field
from werkzeug.exceptions import BadRequest, HTTPException, ImATeapot, TooManyRequests
from werkzeug.test import TestResponse

from ml_core import errors
from ml_core.errors import FieldError, SuiteError, TooManyTries, Unauthorized, Unavailable
from ml_core.web.shapes import Body, FeatureRowsField, NameField, NumberField, TimeField
from tests.unit.ml_core.web.conftest import MakeApp, error_of


def family(kind: type[SuiteError]) -> Iterator[type[SuiteError]]:
    yield kind
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from family(child)


FAMILY = list(family(SuiteError))


def answer_to(make_app: MakeApp, error: Exception, **headers: str) -> TestResponse:
    """Return what a client gets when a view raises ``error``."""
    app = make_app()

    def fail() -> str:
        raise error

    app.add_url_rule("/fail", view_func=fail)
    return app.test_client().get("/fail", headers=headers)


def made(kind: type[SuiteError]) -> SuiteError:
    """Return an error of this kind with the message ``gone wrong``."""
    error = kind.__new__(kind)
    SuiteError.__init__(error, "gone wrong", [FieldError("predictions[3].value", "expected a finite number")])
    return error


# Errors of ours


@pytest.mark.parametrize("kind", FAMILY)
def test_every_error_of_ours_has_one_shape_with_its_own_status_and_code(
    make_app: MakeApp, kind: type[SuiteError]
) -> None:
    response = answer_to(make_app, made(kind))
    assert response.status_code == kind.status
    error = error_of(response)
    assert (error["code"], error["message"]) == (kind.code, "gone wrong")
    assert error["details"] == [{"field": "predictions[3].value", "message": "expected a finite number"}]


@pytest.mark.parametrize("kind", FAMILY)
def test_the_drawn_tree_tells_the_status_of_every_error(kind: type[SuiteError]) -> None:
    (line,) = (line for line in (errors.__doc__ or "").splitlines() if kind.__name__ in line.replace("(", " ").split())
    parents = [parent for parent in kind.__mro__[1:] if issubclass(parent, SuiteError)]
    if f"({kind.status})" not in line:  # a status that is not drawn is that of the line above
        assert parents[0].status == kind.status


@pytest.mark.parametrize("kind", FAMILY)
def test_only_what_passes_by_itself_says_when_to_try_again(make_app: MakeApp, kind: type[SuiteError]) -> None:
    response = answer_to(make_app, made(kind))
    expected = "5" if issubclass(kind, Unavailable) else "60" if kind is TooManyTries else None
    assert response.headers.get("Retry-After") == expected


@pytest.mark.parametrize("kind", FAMILY)
def test_only_a_missing_token_is_asked_for(make_app: MakeApp, kind: type[SuiteError]) -> None:
    asked = answer_to(make_app, made(kind)).headers.get("WWW-Authenticate")
    assert asked == ('Bearer, Basic realm="a token as the password"' if kind is Unauthorized else None)


@pytest.mark.parametrize("kind", FAMILY)
def test_errors_that_are_our_fault_are_logged(
    make_app: MakeApp, kind: type[SuiteError], caplog: pytest.LogCaptureFixture
) -> None:
    answer_to(make_app, made(kind))
    logged = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert bool(logged) == (kind.status >= 500)


# Errors of others


def test_an_error_nobody_thought_of_shows_nothing_of_itself_and_is_logged_whole(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    response = answer_to(make_app, ZeroDivisionError("secret of the house"))
    error = error_of(response)
    assert (response.status_code, error["code"], error["details"]) == (500, "internal_error", [])
    assert "secret" not in response.text
    assert "ZeroDivisionError" not in response.text
    (record,) = (record for record in caplog.records if record.levelno >= logging.ERROR)
    assert record.getMessage() == "unhandled ZeroDivisionError on GET /fail"
    assert record.exc_info
    assert "secret of the house" in str(record.exc_info[1])


def test_an_error_nobody_thought_of_is_answered_in_debug_mode_too(make_app: MakeApp) -> None:
    app = make_app()
    app.debug = app.testing = True
    app.add_url_rule("/fail", view_func=lambda: 1 / 0)
    assert error_of(app.test_client().get("/fail"))["code"] == "internal_error"


def test_an_address_that_is_not_there_is_not_found(client: FlaskClient) -> None:
    response = client.get("/nowhere")
    assert (response.status_code, error_of(response)["code"]) == (404, "not_found")
    assert error_of(response)["message"] == "there is no such address; /docs lists those that are"


def test_a_method_that_is_not_taken_is_told_with_those_that_are(client: FlaskClient) -> None:
    response = client.delete("/echo")
    assert (response.status_code, error_of(response)["code"]) == (405, "method_not_allowed")
    assert set(response.headers["Allow"].split(", ")) == {"OPTIONS", "POST"}


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (BadRequest("the bell is broken"), "bad_request", "the bell is broken"),
        (ImATeapot(), "i'm_a_teapot", ImATeapot.description),
    ],
)
def test_errors_of_flask_have_the_shape_too(make_app: MakeApp, error: HTTPException, code: str, message: str) -> None:
    response = answer_to(make_app, error)
    assert response.status_code == error.code
    assert (error_of(response)["code"], error_of(response)["message"]) == (code, message)


def test_headers_of_an_error_of_flask_are_kept(make_app: MakeApp) -> None:
    assert answer_to(make_app, TooManyRequests(retry_after=7)).headers["Retry-After"] == "7"


def test_an_answer_that_is_thrown_arrives_as_it_is(make_app: MakeApp) -> None:
    response = answer_to(make_app, BadRequest(response=flask.Response("plain", status=409)))
    assert (response.status_code, response.text) == (409, "plain")


def test_a_redirect_to_the_form_with_a_slash_is_no_error(make_app: MakeApp) -> None:
    app = make_app()
    app.add_url_rule("/folder/", view_func=lambda: "inside")
    response = app.test_client().get("/folder")
    assert (response.status_code, response.headers["Location"]) == (308, "http://localhost/folder/")


# Fields that do not fit


class Row(Body):
    """One thing inside the body."""

    name: NameField
    number: NumberField


class Things(Body):
    """A body as the apps declare theirs."""

    rows: list[Row]
    time: TimeField | None = None
    features: FeatureRowsField | None = None


class Where(BaseModel):
    """Part of the address."""

    size: int = Field(ge=1)


@pytest.fixture
def things(make_app: MakeApp) -> FlaskClient:
    """A client of an app with declared routes."""
    app = make_app()

    def take(body: Things) -> object:
        return {"rows": len(body.rows)}

    def find(query: Where) -> object:
        return {"size": query.size}

    app.post("/take")(take)
    app.get("/find")(find)
    return app.test_client()


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["rows"]),
        ({"rows": {}}, ["rows"]),
        ({"rows": [{"name": "a"}]}, ["rows[0].number"]),
        ({"rows": [{"name": "a", "number": 1}, {"name": "a b", "number": "5"}]}, ["rows[1].name", "rows[1].number"]),
        ({"rows": [{"name": "a", "number": 1, "extra": 2}]}, ["rows[0].extra"]),
        ({"rows": [], "misspelt": 1}, ["misspelt"]),
        ({"rows": [], "time": "noon"}, ["time"]),
        ({"rows": [], "features": [{"a": []}]}, ["features"]),
    ],
    ids=repr,
)
def test_every_field_that_does_not_fit_is_named(things: FlaskClient, body: object, fields: list[str]) -> None:
    response = things.post("/take", json=body)
    error = error_of(response)
    assert (response.status_code, error["code"]) == (422, "invalid_input")
    assert [detail["field"] for detail in error["details"]] == fields
    assert error["message"] == f"the request does not fit: {', '.join(fields)}"
    assert all(detail["message"][0].islower() for detail in error["details"])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"rows": [3]}, "expected an object of names and values"),
        ({"rows": "none"}, "expected a list"),
        ({"rows": [], "misspelt": 1}, "there is no such field"),
    ],
    ids=repr,
)
def test_what_was_expected_is_said_without_names_of_our_types(things: FlaskClient, body: object, message: str) -> None:
    assert [detail["message"] for detail in error_of(things.post("/take", json=body))["details"]] == [message]


def test_a_part_of_the_address_that_does_not_fit_is_named(things: FlaskClient) -> None:
    assert things.get("/find?size=3").json == {"size": 3}
    for address in ("/find", "/find?size=0", "/find?size=unmistakable"):
        response = things.get(address)
        assert response.status_code == 422
        assert [detail["field"] for detail in error_of(response)["details"]] == ["size"]
        assert "unmistakable" not in response.text


@pytest.mark.parametrize(
    "body",
    [
        {"rows": "unmistakable"},
        {"rows": [{"name": "unmistakable value", "number": "unmistakable"}]},
        {"rows": [], "time": "unmistakable"},
        {"rows": [], "features": {"a": ["unmistakable"]}},
    ],
    ids=repr,
)
def test_no_answer_repeats_a_value_or_names_an_outside_address(things: FlaskClient, body: object) -> None:
    response = things.post("/take", json=body)
    assert response.status_code == 422
    assert "unmistakable" not in response.text
    assert "http" not in response.text


def test_of_very_many_wrong_fields_a_hundred_are_named(things: FlaskClient) -> None:
    response = things.post("/take", json={"rows": [{"name": 1, "number": 1}] * 500})
    error = error_of(response)
    assert len(error["details"]) == 100
    assert error["message"] == "the request does not fit: " + ", ".join(f"rows[{number}].name" for number in range(5))


# People


def page(status: int, message: str, request_id: str) -> str:
    return f"<p>{status} {message} {request_id}</p>"


@pytest.mark.parametrize(
    ("accept", "is_page"),
    [
        ("text/html,application/xhtml+xml,*/*;q=0.8", True),
        ("text/html", True),
        ("text/html;q=0.9,application/json", False),
        ("application/json", False),
        ("*/*", False),
        ("", False),
    ],
)
def test_a_browser_gets_a_page_and_a_program_gets_json(make_app: MakeApp, accept: str, is_page: bool) -> None:
    response = make_app(error_page=page).test_client().get("/nowhere", headers={"Accept": accept})
    assert response.status_code == 404
    if is_page:
        assert response.mimetype == "text/html"
        assert response.text.startswith("<p>404 there is no such address")
        assert response.headers["X-Request-ID"] in response.text
    else:
        assert error_of(response)["code"] == "not_found"


def test_a_browser_gets_json_from_an_app_without_pages_and_for_what_it_posts(make_app: MakeApp) -> None:
    html = {"Accept": "text/html"}
    assert error_of(make_app().test_client().get("/nowhere", headers=html))
    assert error_of(make_app(error_page=page).test_client().post("/nowhere", headers=html))
