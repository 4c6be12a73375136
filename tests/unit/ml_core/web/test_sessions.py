"""A signed cookie stands for a token until it expires or the tokens change."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from http.cookies import SimpleCookie

import pytest
from flask import Flask, Response
from pydantic import SecretStr

from ml_core.clock import FixedClock
from ml_core.settings import AuthSettings
from ml_core.web.sessions import COOKIE, Scope, Sessions


def auth(*, read: Sequence[str] = ("reader",), write: Sequence[str] = ("writer",)) -> AuthSettings:
    return AuthSettings(
        read_tokens=tuple(SecretStr(token) for token in read), write_tokens=tuple(SecretStr(token) for token in write)
    )


def begun(sessions: Sessions, token: str, headers: dict[str, str] | None = None) -> SimpleCookie:
    response = Response()
    with Flask("small").test_request_context(headers=headers):
        sessions.begin(response, token)
    return SimpleCookie(response.headers["Set-Cookie"])


def scope(sessions: Sessions, value: str) -> Scope | None:
    with Flask("small").test_request_context(headers={"Cookie": f"{COOKIE}={value}"}):
        return sessions.scope()


@pytest.mark.parametrize(("token", "expected"), [("reader", "read"), ("writer", "write")])
def test_a_session_may_do_what_its_token_may(clock: FixedClock, token: str, expected: str) -> None:
    value = begun(Sessions(auth(), clock), token)[COOKIE].value
    assert scope(Sessions(auth(), clock), value) == expected  # as another worker reads it
    assert token not in value


def test_it_ends_after_the_hours_that_are_set(clock: FixedClock) -> None:
    sessions = Sessions(auth(), clock)
    value = begun(sessions, "reader")[COOKIE].value
    clock.advance(timedelta(hours=12))
    assert scope(sessions, value) == "read"
    clock.advance(timedelta(seconds=1))
    assert scope(sessions, value) is None


@pytest.mark.parametrize(
    "changed",
    [auth(read=["other"]), auth(read=["reader", "more"]), auth(write=[]), auth(read=["writer"], write=["reader"])],
)
def test_any_change_of_the_tokens_ends_it(clock: FixedClock, changed: AuthSettings) -> None:
    value = begun(Sessions(auth(), clock), "writer")[COOKIE].value
    assert scope(Sessions(changed, clock), value) is None


@pytest.mark.parametrize("place", [0, 5, -1])
def test_a_changed_cookie_is_none(clock: FixedClock, place: int) -> None:
    sessions = Sessions(auth(), clock)
    value = begun(sessions, "writer")[COOKIE].value
    forged = [*value]
    forged[place] = "A" if forged[place] != "A" else "Q"
    assert scope(sessions, "".join(forged)) is None


@pytest.mark.parametrize("value", ["", "x", "a.b.c", '""', "%00"])
def test_anything_else_is_none(clock: FixedClock, value: str) -> None:
    assert scope(Sessions(auth(), clock), value) is None


def test_an_empty_token_in_the_settings_makes_no_session(clock: FixedClock) -> None:
    sessions = Sessions(auth(read=[""], write=[""]), clock)
    assert scope(sessions, begun(sessions, "")[COOKIE].value) is None


def test_no_script_reads_the_cookie_and_no_other_site_sends_it(clock: FixedClock) -> None:
    plain = begun(Sessions(auth(), clock), "reader")[COOKIE]
    assert (plain["httponly"], plain["samesite"], plain["secure"], plain["path"]) == (True, "Lax", "", "/")
    assert plain["max-age"] == "43200"
    assert begun(Sessions(auth(), clock), "reader", {"X-Forwarded-Proto": "https"})[COOKIE]["secure"] is True
