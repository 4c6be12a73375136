from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from ml_core.clock import FixedClock
from ml_core.errors import StoreUnavailable
from ml_core.registry import Registry
from ml_core.settings import AuthSettings, Settings
from ml_core.store.json_store import JsonStore
from ml_monitor.app import create_app
from tests.pages import BROWSER, text_of


class TestErrors:
    def test_an_unknown_model_is_not_found_as_page_and_as_json(self, client: FlaskClient) -> None:
        page = client.get("/ui/models/nope", headers=BROWSER)
        assert page.status_code == 404
        assert "Not found No model 'nope' is registered" in text_of(page)
        answer = client.get("/ui/models/nope?format=json", headers={"Accept": "application/json"})
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (404, "not_found")

    @pytest.mark.parametrize(
        ("address", "field"),
        [
            ("/?format=xml", "format"),
            ("/?format=xml", "format"),
            ("/ui/models/model1?format=pdf", "format"),
            ("/ui/models/model1?format=csv&chart=pie", "chart"),
            ("/ui/models/model1?range=2y", "range"),
            ("/ui/models/model1?from=now&to=2026-11-20T12:00:00Z", "from"),
        ],
    )
    def test_a_wrong_argument_is_refused_by_its_name(
        self, client: FlaskClient, housing: Registry, address: str, field: str
    ) -> None:
        answer = client.get(address, headers={"Accept": "application/json"})
        assert answer.status_code == 422
        assert [detail["field"] for detail in answer.get_json()["error"]["details"]] == [field]
        page = client.get(address, headers=BROWSER)
        assert page.status_code == 422
        assert f"{field.capitalize()}: " in text_of(page)

    def test_an_error_page_escapes_what_was_asked_for(self, client: FlaskClient) -> None:
        page = client.get("/ui/models/<script>alert(1)<b>", headers=BROWSER)
        assert page.status_code == 404
        assert "<script>alert" not in page.text

    def test_a_store_that_is_away_is_told_in_a_sentence(
        self, client: FlaskClient, json_store: JsonStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away() -> None:
            raise StoreUnavailable("the database does not answer; start it")

        monkeypatch.setattr(json_store, "list_models", away)
        page = client.get("/", headers=BROWSER)
        assert page.status_code == 503
        assert "Away for now The database does not answer; start it." in text_of(page)
        assert page.headers["Retry-After"] == "5"
        assert page.headers["Cache-Control"] == "no-store"

    def test_a_name_that_is_not_ours_gets_its_page_too(self, client: FlaskClient) -> None:
        # No route can be looked up for such a request, so the page must do without.
        page = client.get("/", headers={**BROWSER, "Host": "evil.example"})
        assert page.status_code == 400
        assert "ML-Monitor" in page.text

    def test_a_page_behind_tokens_says_what_is_needed(
        self, settings: Settings, json_store: JsonStore, clock: FixedClock
    ) -> None:
        auth = AuthSettings(read_tokens=("letmein",), write_tokens=("change",))
        client = create_app(settings.model_copy(update={"auth": auth}), json_store, clock).test_client()
        assert "A token is needed" in text_of(client.get("/", headers=BROWSER, follow_redirects=True))
        page = client.get("/", headers=BROWSER, auth=("me", "letmein"))
        assert "-H 'Authorization: Bearer <token>'" in text_of(page)
