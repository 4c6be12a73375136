"""Who may call."""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Sequence

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr

from ml_core.errors import ConfigurationError
from ml_core.settings import AuthSettings
from ml_core.web.auth import check_listening, is_loopback
from tests.unit.ml_core.web.conftest import MakeApp, error_of


def tokens(*, read: Sequence[str] = (), write: Sequence[str] = ()) -> AuthSettings:
    return AuthSettings(
        read_tokens=tuple(SecretStr(token) for token in read), write_tokens=tuple(SecretStr(token) for token in write)
    )


BOTH = tokens(read=["reader", "reader2"], write=["writer"])


@pytest.fixture
def guarded(make_app: MakeApp) -> FlaskClient:
    """A client of an app with tokens."""
    return make_app(auth=BOTH, host="0.0.0.0").test_client()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def basic(name: str, password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(f'{name}:{password}'.encode()).decode()}"}


# Where an app may listen


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "localhost", "::1", "0:0:0:0:0:0:0:1"])
def test_on_loopback_no_tokens_are_needed(host: str) -> None:
    assert is_loopback(host)
    check_listening(host, AuthSettings())


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "192.168.1.7", "10.0.0.1", "fe80::1", "example.org", "localhost.", ""]
)
def test_beyond_loopback_an_app_without_tokens_is_refused_with_what_to_do(host: str) -> None:
    assert not is_loopback(host)
    with pytest.raises(ConfigurationError) as caught:
        check_listening(host, AuthSettings())
    assert host in caught.value.message
    assert "ML_AUTH__READ_TOKENS" in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("auth", [BOTH, tokens(read=["a"]), tokens(write=["a"])])
def test_beyond_loopback_one_kind_of_token_is_enough(auth: AuthSettings) -> None:
    check_listening("0.0.0.0", auth)


# Tokens and their scopes


@pytest.mark.parametrize(
    ("headers", "reads", "writes"),
    [
        ({}, 401, 401),
        (bearer("writer"), 200, 200),
        (bearer("reader"), 200, 403),
        (bearer("reader2"), 200, 403),
        (bearer("stranger"), 401, 401),
        (bearer("writer "), 200, 200),
        (bearer("write"), 401, 401),
        (bearer("writerr"), 401, 401),
        (bearer("WRITER"), 401, 401),
        (bearer(""), 401, 401),
        ({"Authorization": "bearer writer"}, 200, 200),
        ({"Authorization": "writer"}, 401, 401),
        ({"Authorization": "Bearer"}, 401, 401),
        ({"Authorization": "Digest writer"}, 401, 401),
        ({"Authorization": "Bearer a=writer"}, 401, 401),
        ({"Authorization": "Bearer \xff\xfe"}, 401, 401),
        (basic("anyone", "writer"), 200, 200),
        (basic("", "reader"), 200, 403),
        (basic("writer", ""), 401, 401),
        (basic("writer", "stranger"), 401, 401),
        ({"Authorization": "Basic !!!"}, 401, 401),
        ({"Authorization": "Basic /w=="}, 401, 401),
    ],
    ids=lambda value: repr(value["Authorization"]) if isinstance(value, dict) and value else None,
)
def test_a_token_may_do_what_its_scope_says(
    guarded: FlaskClient, headers: dict[str, str], reads: int, writes: int
) -> None:
    assert guarded.get("/things/a", headers=headers).status_code == reads
    assert guarded.head("/things/a", headers=headers).status_code == reads
    assert guarded.post("/echo", json={}, headers=headers).status_code == writes


def test_every_method_that_could_change_something_needs_the_scope_write(make_app: MakeApp) -> None:
    app = make_app(auth=BOTH)
    changing = ["POST", "PUT", "PATCH", "DELETE"]
    app.add_url_rule("/any", "any", view_func=lambda: "done", methods=changing)
    client = app.test_client()
    for method in changing:
        assert client.open("/any", method=method, headers=bearer("reader")).status_code == 403
        assert client.open("/any", method=method, headers=bearer("writer")).status_code == 200


def test_who_sends_no_token_is_told_how_to_and_a_browser_asks_for_one(guarded: FlaskClient) -> None:
    response = guarded.get("/things/a")
    assert error_of(response)["message"] == "send the header Authorization: Bearer <token>"
    assert response.headers["WWW-Authenticate"] == 'Bearer, Basic realm="a token as the password"'


def test_a_token_that_may_only_read_is_told_so_without_being_asked_for_again(guarded: FlaskClient) -> None:
    response = guarded.post("/echo", json={}, headers=bearer("reader"))
    assert error_of(response)["code"] == "forbidden"
    assert "scope write" in error_of(response)["message"]
    assert "WWW-Authenticate" not in response.headers


def test_no_answer_repeats_a_token(guarded: FlaskClient) -> None:
    for headers in (bearer("unmistakable"), basic("unmistakable", "unmistakable")):
        assert "unmistakable" not in guarded.get("/things/a", headers=headers).text


def test_only_the_two_health_addresses_are_open(guarded: FlaskClient) -> None:
    opened = ["/healthz", "/readyz"]
    closed = [
        "/metrics",
        "/docs",
        "/openapi.json",
        "/openapi/swagger",
        "/nowhere",
        "/healthz/",
        "//healthz",
        "/Healthz",
    ]
    assert {path: guarded.get(path).status_code for path in opened} == dict.fromkeys(opened, 200)
    assert {path: guarded.get(path).status_code for path in closed} == dict.fromkeys(closed, 401)


def test_tokens_hold_on_loopback_too(make_app: MakeApp) -> None:
    assert make_app(auth=BOTH, host="127.0.0.1").test_client().get("/things/a").status_code == 401


def test_with_read_tokens_alone_nobody_writes(make_app: MakeApp) -> None:
    client = make_app(auth=tokens(read=["reader"])).test_client()
    assert client.get("/things/a", headers=bearer("reader")).status_code == 200
    assert client.post("/echo", json={}, headers=bearer("reader")).status_code == 403


def test_an_empty_token_in_the_settings_lets_nobody_in(make_app: MakeApp) -> None:
    client = make_app(auth=tokens(read=[""], write=[""])).test_client()
    for headers in ({}, bearer(""), basic("a", "")):
        assert client.get("/things/a", headers=headers).status_code == 401


def test_every_token_is_compared_in_full_however_early_one_fits(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[bytes] = []
    real = hmac.compare_digest

    def compare_digest(sent: bytes, known: bytes) -> bool:
        compared.append(known)
        return real(sent, known)

    monkeypatch.setattr(hmac, "compare_digest", compare_digest)
    client = make_app(auth=BOTH).test_client()
    for token in ("writer", "reader", "stranger"):
        compared.clear()
        client.get("/things/a", headers=bearer(token))
        assert sorted(compared) == [b"reader", b"reader2", b"writer"]


# Names, where there are no tokens


@pytest.mark.parametrize(
    "name",
    [
        "localhost",
        "localhost:5002",
        "LOCALHOST:5002",
        "127.0.0.1",
        "127.0.0.1:5002",
        "[::1]",
        "[::1]:5002",
    ],
)
def test_without_tokens_an_app_answers_to_local_names(client: FlaskClient, name: str) -> None:
    assert client.get("/things/a", headers={"Host": name}).status_code == 200


@pytest.mark.parametrize(
    "name",
    [
        "evil.example",
        "evil.example:5002",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil-localhost",
        "localhost@evil.example",
        "192.168.1.7:5002",
        "[::2]:5002",
        "[::1",
        "::1",
        "::1]:5002",
        "localhost:5002:5002",
        "local host",
        "localhost/x",
        ".",
        "\xff",
    ],
)
def test_without_tokens_an_app_answers_to_no_other_name(client: FlaskClient, name: str) -> None:
    response = client.get("/things/a", headers={"Host": name})
    assert (response.status_code, error_of(response)["code"]) == (400, "bad_request")
    assert "auth.trusted_hosts" in error_of(response)["message"]
    assert "evil" not in response.text


def test_a_page_elsewhere_that_points_its_name_here_can_neither_read_nor_write(client: FlaskClient) -> None:
    headers = {"Host": "evil.example", "Origin": "http://evil.example"}
    for path in ("/healthz", "/readyz", "/metrics", "/openapi.json", "/nowhere"):
        assert client.get(path, headers=headers).status_code == 400
    assert client.post("/echo", json={}, headers=headers).status_code == 400


def test_further_names_can_be_trusted(make_app: MakeApp) -> None:
    client = make_app(auth=AuthSettings(trusted_hosts=("Models.Intern", "::ffff:1"))).test_client()
    for name in ("models.intern", "MODELS.intern:443", "[::ffff:1]:80", "localhost"):
        assert client.get("/things/a", headers={"Host": name}).status_code == 200
    assert client.get("/things/a", headers={"Host": "intern"}).status_code == 400


@pytest.mark.parametrize(("host", "name"), [("127.0.0.2", "127.0.0.2:5002"), ("::1", "[::1]:5002")])
def test_an_app_answers_to_the_address_it_listens_on(make_app: MakeApp, host: str, name: str) -> None:
    assert make_app(host=host).test_client().get("/things/a", headers={"Host": name}).status_code == 200


def test_with_tokens_any_name_will_do(guarded: FlaskClient) -> None:
    headers = {**bearer("reader"), "Host": "models.example"}
    assert guarded.get("/things/a", headers=headers).status_code == 200
