"""Strict JSON, in and out."""

from __future__ import annotations

import gzip
import io
from datetime import UTC, datetime

import numpy as np
import orjson
import pytest
from flask import jsonify, request
from flask.testing import FlaskClient
from pydantic import BaseModel
from werkzeug.test import TestResponse

from tests.unit.ml_core.web.conftest import MakeApp, error_of

MARK = "unmistakable"


def post(client: FlaskClient, body: bytes, content_type: str | None = "application/json") -> TestResponse:
    return client.post("/echo", data=body, content_type=content_type)


# What comes in


def test_an_object_is_read_as_it_was_sent(client: FlaskClient) -> None:
    body = b'{"z": 1, "a": [null, true, 1.5, "\xc3\xa9"], "deep": {"er": {}}}'
    response = post(client, body)
    assert response.status_code == 200
    assert response.json == orjson.loads(body)
    assert list(orjson.loads(response.data)) == ["z", "a", "deep"]


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "application/problem+json"])
def test_types_of_json_are_taken(client: FlaskClient, content_type: str) -> None:
    assert post(client, b"{}", content_type).status_code == 200


@pytest.mark.parametrize("content_type", [None, "", "text/plain", "application/x-www-form-urlencoded", "json"])
def test_any_other_type_is_refused(client: FlaskClient, content_type: str | None) -> None:
    response = post(client, b"{}", content_type)
    assert (response.status_code, error_of(response)["code"]) == (415, "unsupported_media_type")
    assert "Content-Type: application/json" in error_of(response)["message"]


def test_a_packed_body_is_refused_by_its_header(client: FlaskClient) -> None:
    packed, sent_as = gzip.compress(b"{}"), {"Content-Encoding": "gzip"}
    response = client.post("/echo", data=packed, content_type="application/json", headers=sent_as)
    assert (response.status_code, error_of(response)["code"]) == (415, "unsupported_media_type")
    assert error_of(response)["message"] == "send the body unpacked, without the header Content-Encoding"
    assert client.post("/echo", json={}, headers={"Content-Encoding": "identity"}).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b'{"a": }',
        b'{"a": 1,}',
        b"{'a': 1}",
        b"{a: 1}",
        b'{"a": 1} // b',
        b'{"a": 1}{}',
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"a": 1e400}',
        b'{"a": -1e400}',
        b'{"a": 01}',
        b'{"a": +1}',
        b'{"a": .5}',
        b'{"a": "\xff"}',
        b'{"a": "\\ud800"}',
        b'{"a": "\n"}',
        b"\xef\xbb\xbf{}",
        b'{"a":' * 2000 + b"1" + b"}" * 2000,
        b"[" * 4000,
        b"unmistakable",
    ],
    ids=lambda body: repr(body[:20]),
)
def test_what_is_not_json_is_malformed(client: FlaskClient, body: bytes) -> None:
    response = client.post("/echo", data=body, content_type="application/json")
    error = error_of(response)
    assert (response.status_code, error["code"], error["details"]) == (400, "malformed_body", [])
    assert MARK not in error["message"]


def test_a_malformed_body_is_told_with_the_place(make_app: MakeApp) -> None:
    response = post(make_app().test_client(), b'{"a": 1,\n "b": ?}')
    assert "(line 2, column 7)" in error_of(response)["message"]


@pytest.mark.parametrize("body", [b"[]", b"[{}]", b"null", b"true", b"1", b'"unmistakable"'])
def test_what_is_not_an_object_does_not_fit(client: FlaskClient, body: bytes) -> None:
    response = post(client, body)
    error = error_of(response)
    assert (response.status_code, error["code"]) == (422, "invalid_input")
    assert error["details"] == [{"field": "body", "message": "expected a JSON object"}]
    assert MARK not in error["message"]


def test_no_argument_of_flask_softens_this(make_app: MakeApp) -> None:
    app = make_app()
    app.add_url_rule(
        "/soft", "soft", view_func=lambda: jsonify(request.get_json(force=True, silent=True)), methods=["POST"]
    )
    client = app.test_client()
    assert client.post("/soft", data=b"{}", content_type="text/plain").status_code == 415
    assert client.post("/soft", data=b"{", content_type="application/json").status_code == 400


class Named(BaseModel):
    """A body as the apps' routes declare theirs."""

    name: str


@pytest.mark.parametrize(
    ("body", "status"), [(b'{"name": "a"}', 200), (b'{"name": NaN}', 400), (b"", 400), (b"[]", 422), (b"{}", 422)]
)
def test_routes_with_a_declared_body_are_just_as_strict(make_app: MakeApp, body: bytes, status: int) -> None:
    app = make_app()

    def take(body: Named) -> object:
        return jsonify(body.model_dump())

    app.post("/named")(take)
    response = app.test_client().post("/named", data=body, content_type="application/json")
    assert response.status_code == status


# Sizes


def test_a_body_as_large_as_the_limit_is_taken_and_one_byte_more_is_not(make_app: MakeApp) -> None:
    client = make_app(body_bytes=2048).test_client()
    fitting = b'{"a": "%b"}' % (b"x" * (2048 - 9))
    assert len(fitting) == 2048
    assert post(client, fitting).status_code == 200
    response = post(client, fitting + b" ")
    assert (response.status_code, error_of(response)["code"]) == (413, "body_too_large")
    assert "at most 2048 bytes" in error_of(response)["message"]


@pytest.mark.parametrize(("size", "status"), [(2000, 200), (2049, 413), (1_000_000, 413)])
def test_a_body_without_a_length_is_held_to_the_limit_too(make_app: MakeApp, size: int, status: int) -> None:
    body = b'{"a": "%b"}' % (b"x" * (size - 9))
    response = (
        make_app(body_bytes=2048)
        .test_client()
        .post(
            "/echo",
            input_stream=io.BytesIO(body),
            headers={"Transfer-Encoding": "chunked", "Content-Type": "application/json"},
            environ_overrides={"wsgi.input_terminated": True},
        )
    )
    assert response.status_code == status


# What goes out


def test_answers_hold_what_json_can_and_null_for_what_it_cannot(make_app: MakeApp) -> None:
    app = make_app()
    answer = {
        "z": np.float64(1.5),
        "a": np.array([1, 2]),
        "nan": float("nan"),
        "infinity": float("inf"),
        "time": datetime(2026, 11, 20, 12, tzinfo=UTC),
        5: "a number as key",
    }
    app.add_url_rule("/all", "all", view_func=lambda: jsonify(answer))
    response = app.test_client().get("/all")
    assert response.mimetype == "application/json"
    assert response.data == (
        b'{"z":1.5,"a":[1,2],"nan":null,"infinity":null,"time":"2026-11-20T12:00:00Z","5":"a number as key"}\n'
    )


def test_a_view_may_return_an_object_or_a_list(make_app: MakeApp) -> None:
    app = make_app()
    app.add_url_rule("/list", "list", view_func=lambda: [1, {"b": 2, "a": 1}])
    assert app.test_client().get("/list").data == b'[1,{"b":2,"a":1}]\n'
