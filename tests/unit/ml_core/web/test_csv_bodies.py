"""A view that takes both JSON and CSV, told apart by the type that a request names."""

from __future__ import annotations

import io

import pytest
from flask import Response, jsonify
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from ml_core.web.blueprints import create_api_blueprint
from ml_core.web.csv_bodies import or_csv, read_csv_body
from ml_core.web.shapes import Body
from tests.unit.ml_core.web.conftest import MakeApp, error_of


class Numbers(Body):
    """A list of numbers."""

    numbers: list[int]


@pytest.fixture
def client(make_app: MakeApp) -> FlaskClient:
    blueprint = create_api_blueprint("numbers", __name__, "Both forms")

    def of_csv() -> Response:
        return jsonify({"csv": read_csv_body().decode()})

    @blueprint.post("/numbers")
    @or_csv(of_csv)
    def of_json(body: Numbers) -> Response:
        return jsonify({"json": body.numbers})

    @blueprint.put("/table")
    def table() -> Response:
        return of_csv()

    app = make_app(body_bytes=2_000)
    app.register_api(blueprint)
    return app.test_client()


def post(client: FlaskClient, body: bytes, content_type: str | None) -> TestResponse:
    return client.post("/numbers", data=body, content_type=content_type)


def test_each_type_is_read_by_its_view(client: FlaskClient) -> None:
    assert post(client, b'{"numbers": [1, 2]}', "application/json").json == {"json": [1, 2]}
    assert post(client, b"a\n1\n", "text/csv").json == {"csv": "a\n1\n"}
    assert post(client, b"a\n1\n", "text/csv; charset=utf-8; header=present").json == {"csv": "a\n1\n"}


def test_json_is_checked_as_ever_and_documented(client: FlaskClient) -> None:
    response = post(client, b'{"numbers": ["a"]}', "application/json")
    assert (response.status_code, error_of(response)["details"][0]["field"]) == (422, "numbers[0]")
    operation = client.get("/openapi.json").get_json()["paths"]["/numbers"]["post"]
    assert list(operation["requestBody"]["content"]) == ["application/json"]


@pytest.mark.parametrize("content_type", [None, "", "text/plain", "application/csv", "text/csv-schema"])
def test_any_other_type_is_refused(client: FlaskClient, content_type: str | None) -> None:
    for response in (
        post(client, b"a\n1\n", content_type),
        client.put("/table", data=b"a\n1\n", content_type=content_type),
    ):
        assert (response.status_code, error_of(response)["code"]) == (415, "unsupported_media_type")


def test_an_empty_body_is_malformed(client: FlaskClient) -> None:
    response = post(client, b"", "text/csv")
    assert response.status_code == 400
    assert error_of(response)["message"] == "the body is empty; expected CSV with a header line"


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_beyond_the_limit_is_refused_also_without_a_length(client: FlaskClient, is_chunked: bool) -> None:
    body, chunked = b"a\n" * 2_000, {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    if is_chunked:
        response = client.post(
            "/numbers", input_stream=io.BytesIO(body), content_type="text/csv", environ_overrides=chunked
        )
    else:
        response = post(client, body, "text/csv")
    assert (response.status_code, error_of(response)["code"]) == (413, "body_too_large")
