"""The anomaly app's benchmark: a quick round of each part, and what its load generator measures. Not the values."""

from __future__ import annotations

import os
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from benchmarks.serving import PARTS, main
from benchmarks.serving_load import cpu_seconds, put_load, request_bytes

FIGURES = {"exactness": 1, "batches": 2, "requests": 4}


def test_every_part_is_tried() -> None:
    assert set(PARTS) == set(FIGURES)


@pytest.mark.parametrize("part", sorted(FIGURES))
def test_each_part_prints_its_figures(part: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--quick", part])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == FIGURES[part]
    assert not any("stopped by" in line for line in lines)
    exact = [line for line in lines if "unlike scikit-learn's" in line or "not in the store" in line]
    assert all(line.endswith("(asked: 0) ok") for line in exact)


class _Answers(socketserver.BaseRequestHandler):
    """Answers each request in two pieces, the second after a moment."""

    status = b"200 OK"

    def handle(self) -> None:
        while self.request.recv(65_536):
            self.request.sendall(b"HTTP/1.1 " + self.status + b"\r\nContent-Length: 5\r\n")
            self.request.sendall(b"X: y\r\n\r\nhello")


@contextmanager
def answering(status: bytes = b"200 OK") -> Iterator[int]:
    class Handler(_Answers):
        pass

    Handler.status = status
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_load_counts_whole_answers_and_their_times() -> None:
    with answering() as port:
        load = put_load(port, os.getpid(), [request_bytes("/", b"{}")], connections=4, seconds=0.2)
    assert load.requests == len(load.latencies) > 4
    assert 0 < min(load.latencies) <= load.p99
    assert load.rate == load.requests / load.seconds
    assert load.seconds >= 0.2


def test_an_answer_but_200_ends_the_load() -> None:
    with answering(b"503 Away") as port, pytest.raises(ValueError, match=r"not answered with 200: .*503 Away"):
        put_load(port, os.getpid(), [request_bytes("/", b"{}")], connections=2, seconds=5)


def test_cpu_is_that_of_a_process_and_all_below_it() -> None:
    before = cpu_seconds(os.getpid())
    sum(number * number for number in range(2_000_000))
    assert cpu_seconds(os.getpid()) > before
