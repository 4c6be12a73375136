"""A second port hands on what comes and what is answered, and ends with the app."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ml_core.errors import ConfigurationError
from ml_core.processes import free_port
from ml_core.settings import AppSettings, Settings
from ml_core.web.forwarding import also_listening
from ml_core.web.serving import serve
from tests.processes import eventually


@contextmanager
def an_echo() -> Iterator[int]:
    """Listen on a port and send back what comes, until the other side has finished."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:  # closed: the test is over
                    return
                with connection:
                    while piece := connection.recv(65_536):
                        connection.sendall(piece)

        threading.Thread(target=answer, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def is_open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def exchange(port: int, content: bytes) -> bytes:
    """Send all, then read until as much has come back."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        sender = threading.Thread(target=connection.sendall, args=(content,))
        sender.start()
        received = b""
        while len(received) < len(content):
            piece = connection.recv(65_536)
            assert piece
            received += piece
        sender.join()
        return received


def test_bytes_go_there_and_back_whole_however_many() -> None:
    content = bytes(range(256)) * 4_000
    port = free_port()
    with an_echo() as target, also_listening("127.0.0.1", port, target):
        eventually(lambda: is_open(port))
        assert exchange(port, b"hello") == b"hello"
        assert exchange(port, content) == content


def test_it_ends_with_the_block() -> None:
    port = free_port()
    with an_echo() as target, also_listening("127.0.0.1", port, target):
        eventually(lambda: is_open(port))
    assert not is_open(port)


def test_a_client_is_let_go_where_nothing_answers() -> None:
    port = free_port()
    with also_listening("127.0.0.1", port, free_port()):
        eventually(lambda: is_open(port))
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            assert connection.recv(1) == b""


def test_a_second_port_that_is_taken_is_told_by_its_setting(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        listening = AppSettings(port=free_port())
        with pytest.raises(ConfigurationError, match=f"port {port}: Address already in use; .*ML_ANOMALY__ALSO_PORT"):
            serve("tiny:create_app", "anomaly", settings, listening, also_port=port)
