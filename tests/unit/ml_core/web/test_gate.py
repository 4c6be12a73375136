"""The gate lets pass nobody whom the check before each view would not."""

from __future__ import annotations

import pytest

from ml_core.clock import FixedClock
from ml_core.settings import AuthSettings
from ml_core.web.gate import Gate, make_gate
from ml_core.web.sessions import Sessions
from tests.factories import NOON

WITH_TOKENS = AuthSettings.model_validate({"read_tokens": ["reads"], "write_tokens": ["writes", ""]})


def gate(auth: AuthSettings, host: str = "127.0.0.1") -> Gate:
    return make_gate(auth, host, Sessions(auth, FixedClock(NOON)))


@pytest.mark.parametrize("sent", ["Bearer writes", "bearer writes", "BEARER writes"])
def test_a_token_that_writes_passes(sent: str) -> None:
    assert gate(WITH_TOKENS)({"HTTP_AUTHORIZATION": sent, "HTTP_HOST": "anything"})


@pytest.mark.parametrize(
    "sent", ["", "Bearer", "Bearer ", "Bearer reads", "Bearer writes ", "Bearer write", "Basic writes", "writes"]
)
def test_nothing_else_passes_where_tokens_are_set(sent: str) -> None:
    assert not gate(WITH_TOKENS)({"HTTP_AUTHORIZATION": sent, "HTTP_HOST": "localhost"})
    assert not gate(WITH_TOKENS)({"HTTP_HOST": "localhost"})


@pytest.mark.parametrize("sent", ["localhost", "LOCALHOST:8000", "127.0.0.1:8080", "[::1]:8080", "proxy.example:443"])
def test_known_names_pass_without_tokens_the_first_time_and_again(sent: str) -> None:
    may_pass = gate(AuthSettings(trusted_hosts=("Proxy.example",)))
    assert [may_pass({"HTTP_HOST": sent}) for _ in range(2)] == [True, True]


@pytest.mark.parametrize("sent", ["", "evil.example", "localhost.evil.example", "[::1", "127.0.0.1@evil.example"])
def test_other_names_never_pass(sent: str) -> None:
    may_pass = gate(AuthSettings())
    assert [may_pass({"HTTP_HOST": sent}) for _ in range(2)] == [False, False]
    assert not may_pass({})


def test_many_ports_of_a_known_name_are_not_remembered_without_end() -> None:
    may_pass = gate(AuthSettings())
    assert all(may_pass({"HTTP_HOST": f"localhost:{port}"}) for port in range(1, 300))
    (remembered,) = [cell.cell_contents for cell in may_pass.__closure__ or () if isinstance(cell.cell_contents, set)]
    assert len(remembered) == 64
