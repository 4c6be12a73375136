from __future__ import annotations

import gzip
import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from ml_core.registry import Registry
from ml_monitor.pages import assets
from tests.pages import BROWSER


class TestDelivery:
    def test_pages_are_not_kept_and_files_are(self, client: FlaskClient, housing: Registry) -> None:
        page = client.get("/ui/models/model1")
        assert page.headers["Cache-Control"] == "no-store"
        for address in re.findall(r'(?:href|src)="(/ui/(?:static|assets)/[^"]+)"', page.text):
            file = client.get(address, headers={"Accept-Encoding": "gzip, br"})
            assert file.status_code == 200
            assert file.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            assert file.headers["Content-Encoding"] == "gzip"
            assert file.headers["Vary"] == "Accept-Encoding"
            plain = client.get(address, headers={"Accept-Encoding": "gzip;q=0"})
            assert "Content-Encoding" not in plain.headers
            assert plain.data == gzip.decompress(file.data)
            again = client.get(address, headers={"Accept-Encoding": "gzip", "If-None-Match": file.headers["ETag"]})
            assert (again.status_code, again.data) == (304, b"")

    @pytest.mark.parametrize("address", ["/ui/static/other.css", "/ui/assets/bokeh-0.0.0.min.js", "/ui/static/"])
    def test_other_files_are_not_found(self, client: FlaskClient, address: str) -> None:
        assert client.get(address).status_code == 404

    def test_head_answers_like_get_without_a_body(self, client: FlaskClient, housing: Registry) -> None:
        for address in ("/", "/ui/models/model1", "/ui/models/model1?format=csv", assets.bokeh_address()):
            head, get = client.head(address), client.get(address)
            assert (head.status_code, head.data) == (200, b"")
            assert head.headers["Content-Type"] == get.headers["Content-Type"]

    def test_no_page_holds_inline_script_or_another_host(self, client: FlaskClient, housing: Registry) -> None:
        for address in ("/", "/ui/models/model1"):
            text = client.get(address).text
            assert not re.search(r"<script(?![^>]*(src=|application/json))", text)
            assert not re.search(r"\son[a-z]+=", re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL))
            assert re.findall(r'(?:href|src)="(https?:[^"]*)"', text) == []

    def test_every_page_is_well_formed_and_named(self, client: FlaskClient, housing: Registry) -> None:
        checked: list[Any] = [client.get(address, headers=BROWSER) for address in ("/", "/ui/models/model1", "/ui/x")]
        for page in checked:
            assert page.text.startswith("<!doctype html>")
            assert '<html lang="en">' in page.text
            assert page.text.count("<h1") == page.text.count("<main") == 1
            ids = re.findall(r'\sid="([^"]+)"', page.text)
            assert len(ids) == len(set(ids))
            assert set(re.findall(r'aria-(?:labelledby|describedby)="([^"]+)"', page.text)) <= set(ids)
            assert page.text.count("<table") == page.text.count("<caption")
