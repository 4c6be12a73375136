from __future__ import annotations

import html
import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from ml_core.clock import FixedClock
from ml_core.settings import AuthSettings, Settings
from ml_core.store.json_store import JsonStore
from ml_core.web.sessions import COOKIE
from ml_monitor.app import create_app
from tests.pages import BROWSER, HOSTILE, text_of


@pytest.fixture
def guarded(settings: Settings, json_store: JsonStore, clock: FixedClock) -> FlaskClient:
    """A browser before a dashboard that asks for tokens."""
    auth = AuthSettings(read_tokens=("letmein",), write_tokens=("change",))
    client = create_app(settings.model_copy(update={"auth": auth}), json_store, clock).test_client()
    client.environ_base["HTTP_ACCEPT"] = BROWSER["Accept"]
    return client


def log_in(client: FlaskClient, token: str, wanted: str = "/", **headers: str) -> TestResponse:
    """Send the log-in form as a browser that opened it does."""
    form = client.get("/ui/login", query_string={"next": wanted})
    hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form.text))
    data = {name: html.unescape(value) for name, value in hidden.items()}
    return client.post("/ui/login", data={**data, "token": token}, headers=headers)


class TestLogin:
    def test_a_browser_is_asked_once_and_led_to_what_it_wanted(self, guarded: FlaskClient) -> None:
        asked = guarded.get("/ui/models/x?range=7d")
        assert (asked.status_code, asked.location) == (303, "/ui/login?next=%2Fui%2Fmodels%2Fx%3Frange%3D7d")
        form = text_of(guarded.get(asked.location))
        assert "A token is needed" in form
        assert "The browser keeps a session for 12 h and not the token." in form
        answer = log_in(guarded, "letmein", "/?range=7d")
        assert (answer.status_code, answer.location) == (303, "/?range=7d")
        assert "No model is registered yet." in text_of(guarded.get("/"))
        assert guarded.get("/alerts").status_code == 200  # what pages link to, as CSV or JSON

    def test_the_form_tells_nothing_of_the_store_and_loads_its_style(
        self, guarded: FlaskClient, json_store: JsonStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(json_store, "notices", lambda: ["12 records wait"])
        form = guarded.get("/ui/login")
        assert "12 records" not in form.text
        assert "Pages" not in form.text
        for address in re.findall(r'(?:href|src)="(/ui/static/[^"]+)"', form.text):
            assert guarded.get(address).status_code == 200
        log_in(guarded, "letmein")
        assert "12 records wait" in guarded.get("/").text

    @pytest.mark.parametrize("token", ["", "wrong", "LETMEIN", "ä" * 9, HOSTILE])
    def test_a_wrong_token_is_refused_and_not_repeated(self, guarded: FlaskClient, token: str) -> None:
        answer = log_in(guarded, token)
        assert answer.status_code == 403
        assert "This token is not known." in text_of(answer)
        assert not token or token not in answer.text
        assert COOKIE not in str(answer.headers)

    def test_after_ten_wrong_tokens_also_the_right_one_must_wait(self, guarded: FlaskClient, clock: FixedClock) -> None:
        for _ in range(10):
            assert log_in(guarded, "wrong").status_code == 403
        answer = log_in(guarded, "letmein")
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "301")
        assert "Too many wrong tries. Wait 301 seconds." in text_of(answer)
        clock.advance(timedelta(minutes=5))
        assert log_in(guarded, "letmein").status_code == 303

    @pytest.mark.parametrize(
        "wanted", ["//evil.example", "/\\evil.example", "https://evil.example", "", "/\t/evil", "/ui/login"]
    )
    def test_it_leads_to_no_other_host(self, guarded: FlaskClient, wanted: str) -> None:
        assert log_in(guarded, "letmein", wanted).location == "/"

    def test_the_form_of_another_site_is_refused(self, guarded: FlaskClient) -> None:
        assert log_in(guarded, "letmein", Origin="http://evil.example").status_code == 403
        page = guarded.post("/ui/login", data={"token": "letmein"})
        assert page.status_code == 403
        assert "This form has expired" in text_of(page)

    def test_a_session_ends_by_itself_and_by_the_button(self, guarded: FlaskClient, clock: FixedClock) -> None:
        log_in(guarded, "letmein")
        page = guarded.get("/")
        (token,) = set(re.findall(r'name="form_token" value="(\w+)"', page.text))
        assert guarded.post("/ui/logout", data={"form_token": "0"}).status_code == 403
        assert guarded.post("/ui/logout", data={"form_token": token}).location == "/ui/login"
        assert guarded.get("/").status_code == 303
        log_in(guarded, "letmein")
        clock.advance(timedelta(hours=12, seconds=1))
        assert guarded.get("/").status_code == 303

    def test_a_program_is_asked_for_a_header_instead(self, guarded: FlaskClient) -> None:
        assert guarded.get("/", headers={"Accept": "application/json"}).status_code == 401
        assert guarded.get("/?format=json", headers={"Accept": "*/*"}).status_code == 401
        assert "Log out" not in guarded.get("/", headers={"Authorization": "Bearer letmein"}).text

    def test_without_tokens_there_is_nothing_to_log_in_to(self, client: FlaskClient) -> None:
        assert client.get("/ui/login").status_code == 404
        assert client.post("/ui/login").status_code == 404
        assert "Log out" not in client.get("/").text
