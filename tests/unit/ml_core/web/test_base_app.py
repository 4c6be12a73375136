"""The app that all apps start from, and its documentation."""

from __future__ import annotations

import re
from importlib.metadata import version

import pytest
import schemathesis
from flask import jsonify
from flask.testing import FlaskClient
from pydantic import BaseModel, Field

from ml_core.web.blueprints import create_api_blueprint
from ml_core.web.shapes import Body, NumberField
from tests.unit.ml_core.web.conftest import MakeApp, error_of


class ThingPath(BaseModel):
    """Which thing."""

    name: str = Field(description="its name")


class ThingBody(Body):
    """What a thing is."""

    number: NumberField


@pytest.fixture
def documented(make_app: MakeApp) -> FlaskClient:
    """A client of an app with two blueprints that share an address."""
    app = make_app()
    reading = create_api_blueprint("reading", __name__, "What can be read")
    writing = create_api_blueprint("writing", __name__, "What can be changed")

    @reading.get("/documented/<name>", summary="One thing")
    def read(path: ThingPath) -> object:
        return jsonify({"name": path.name})

    @writing.post("/documented/<name>", summary="Another thing")
    def write(path: ThingPath, body: ThingBody) -> object:
        return jsonify({"name": path.name, "number": body.number})

    app.register_api(reading)
    app.register_api(writing)
    return app.test_client()


def test_the_document_is_openapi_to_the_letter(documented: FlaskClient) -> None:
    response = documented.get("/openapi.json")
    assert (response.status_code, response.mimetype) == (200, "application/json")
    schemathesis.openapi.from_dict(response.json).validate()


def test_the_document_names_the_app_and_its_version(documented: FlaskClient) -> None:
    info = documented.get("/openapi.json").json["info"]
    assert info == {"title": "Small", "version": version("ml-monitoring-suite")}


def test_the_document_holds_every_method_of_an_address_that_two_blueprints_share(documented: FlaskClient) -> None:
    paths = documented.get("/openapi.json").json["paths"]
    assert set(paths["/documented/{name}"]) == {"get", "post"}
    assert paths["/documented/{name}"]["get"]["tags"] == ["reading"]
    assert paths["/documented/{name}"]["post"]["tags"] == ["writing"]


def test_the_document_tells_of_errors_and_tokens(documented: FlaskClient) -> None:
    document = documented.get("/openapi.json").json
    assert document["components"]["securitySchemes"] == {"bearer": {"type": "http", "scheme": "bearer"}}
    operation = document["paths"]["/documented/{name}"]["post"]
    assert operation["security"] == [{"bearer": []}]
    for status in ("400", "404", "409", "413", "415", "422", "503"):
        schema = operation["responses"][status]["content"]["application/json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/ErrorBody"}


def test_the_document_is_the_same_at_the_address_that_swagger_reads(documented: FlaskClient) -> None:
    assert documented.get("/openapi/openapi.json").json == documented.get("/openapi.json").json


def test_docs_leads_to_a_page_that_needs_nothing_from_outside(client: FlaskClient) -> None:
    response = client.get("/docs", follow_redirects=True)
    assert (response.status_code, response.mimetype) == (200, "text/html")
    page = response.text
    assert "SwaggerUIBundle" in page
    assert not re.findall(r"""(?:https?:)?//[\w.-]+\.\w+[^\s"'<>]*""", page)
    files = re.findall(r"""(?:src|href)="([^"]+)\"""", page)
    assert len(files) >= 4
    for name in files:
        file = client.get(f"/openapi/{name}")
        assert file.status_code == 200
        assert len(file.data) > 500
        file.close()


def test_nothing_else_of_a_folder_is_served(client: FlaskClient) -> None:
    for path in ("/static/app.py", "/openapi/swagger/../../base_app.py", "/openapi/static/..%2f..%2fapp.py"):
        assert (client.get(path).status_code, error_of(client.get(path))["code"]) == (404, "not_found")


def test_parts_of_the_app_find_its_settings_and_clock(make_app: MakeApp) -> None:
    app = make_app(body_bytes=2048)
    assert app.extensions["settings"].limits.body_bytes == 2048
    assert app.extensions["clock"].now().year == 2026


def test_a_route_reads_its_declared_path_and_body(documented: FlaskClient) -> None:
    response = documented.post("/documented/a", json={"number": 5})
    assert response.json == {"name": "a", "number": 5.0}
