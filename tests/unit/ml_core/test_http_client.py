"""Calls to other services: repeated while the other side is busy, never redirected."""

from __future__ import annotations

import pytest

from ml_core.http_client import new_session
from tests.receivers import Receiver


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


def test_a_post_is_repeated_while_the_other_side_is_busy_and_then_taken(receiver: Receiver) -> None:
    receiver.answers = [503, 500, 200]
    with receiver, new_session(pause_seconds=0.01) as session:
        assert session.post(receiver.url, data=b"x").status_code == 200
    assert [call.body for call in receiver.calls] == [b"x", b"x", b"x"]


def test_the_last_answer_is_returned_when_it_stays_busy(receiver: Receiver) -> None:
    receiver.answers = [503]
    with receiver, new_session(retries=2, pause_seconds=0.01) as session:
        assert session.post(receiver.url, data=b"x").status_code == 503
    assert len(receiver.calls) == 3


def test_an_answer_that_no_repetition_would_change_is_not_asked_for_again(receiver: Receiver) -> None:
    receiver.answers = [404]
    with receiver, new_session(pause_seconds=0.01) as session:
        assert session.post(receiver.url, data=b"x").status_code == 404
    assert len(receiver.calls) == 1


def test_a_redirection_is_not_followed(receiver: Receiver) -> None:
    receiver.answers = [307, 200]
    with receiver, new_session(pause_seconds=0.01) as session:
        assert session.post(receiver.url, data=b"x", allow_redirects=False).status_code == 307
    assert len(receiver.calls) == 1


def test_a_proxy_of_the_environment_is_not_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with receiver, new_session(retries=0) as session:
        assert session.get(receiver.url).status_code == 200
