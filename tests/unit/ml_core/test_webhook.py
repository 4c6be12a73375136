"""Posts to a webhook: signed, repeated under one delivery id, and failures told without the secret address."""

from __future__ import annotations

import hashlib
import hmac

import orjson
import pytest

from ml_core.errors import DeliveryFailed
from ml_core.http_client import new_session
from ml_core.webhook import is_signed, post
from tests.factories import NOON
from tests.receivers import Receiver

SECRET = "only-for-tests"


def test_a_post_carries_its_content_and_a_signature_that_a_receiver_can_check() -> None:
    with Receiver() as receiver:
        post(receiver.url, {"text": "räder"}, NOON, secret=SECRET)
    (call,) = receiver.calls
    assert orjson.loads(call.body) == {"text": "räder"}
    timestamp = call.headers["x-ml-timestamp"]
    assert int(timestamp) == int(NOON.timestamp())
    expected = hmac.new(SECRET.encode(), f"{timestamp}.".encode() + call.body, hashlib.sha256).hexdigest()
    assert call.headers["x-ml-signature"] == f"sha256={expected}"
    assert is_signed(SECRET, int(timestamp), call.body, call.headers["x-ml-signature"])


@pytest.mark.parametrize("change", ["body", "timestamp", "secret"])
def test_a_signature_does_not_fit_what_was_changed(change: str) -> None:
    with Receiver() as receiver:
        post(receiver.url, {"text": "x"}, NOON, secret=SECRET)
    (call,) = receiver.calls
    secret = "another" if change == "secret" else SECRET
    timestamp = int(call.headers["x-ml-timestamp"]) + (change == "timestamp")
    body = call.body + b" " if change == "body" else call.body
    assert not is_signed(secret, timestamp, body, call.headers["x-ml-signature"])


def test_without_a_secret_nothing_is_signed() -> None:
    with Receiver() as receiver:
        post(receiver.url, {}, NOON)
    assert "x-ml-signature" not in receiver.calls[0].headers


def test_a_post_that_is_repeated_keeps_its_delivery_id() -> None:
    with Receiver([503, 200]) as receiver:
        post(receiver.url, {}, NOON, session=new_session(pause_seconds=0.01))
    first, second = receiver.calls
    assert first.headers["x-ml-delivery"] == second.headers["x-ml-delivery"]


@pytest.mark.parametrize("status", [302, 400, 404, 503])
def test_an_answer_that_is_no_success_is_a_failure_that_keeps_the_path_secret(status: int) -> None:
    with Receiver([status]) as receiver, pytest.raises(DeliveryFailed, match=rf"127\.0\.0\.1 .*{status}") as caught:
        post(receiver.url, {}, NOON, session=new_session(retries=1, pause_seconds=0.01))
    assert "hidden" not in caught.value.message


def test_a_receiver_that_is_away_is_a_failure_that_keeps_the_path_secret() -> None:
    with pytest.raises(DeliveryFailed, match="could not be reached") as caught:
        post("http://127.0.0.1:9/T0/secret", {}, NOON, session=new_session(retries=0))
    assert "secret" not in caught.value.message
