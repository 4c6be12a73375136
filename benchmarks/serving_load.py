"""Load on a server over keep-alive connections, by raw sockets: a library's client would cost more than the servers.

Two processes drive four connections each, one request at a time on each, so eight are on their way at any moment.
"""

from __future__ import annotations

import multiprocessing
import select
import socket
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# Forked from a process that has loaded nothing but this module, so that the drivers are small and start at once.
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__])
_PROCESSES = 2
_TICKS = 100  # of a second, in /proc/<pid>/stat


@dataclass(frozen=True, slots=True)
class Load:
    """What a server did in a while: requests answered, seconds, latencies, and CPU of all its processes."""

    requests: int
    seconds: float
    latencies: Sequence[float]
    cpu_seconds: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds

    @property
    def cpu_per_request(self) -> float:
        """Seconds of the server's CPU that a request takes."""
        return self.cpu_seconds / self.requests

    @property
    def p99(self) -> float:
        """The latency that 99 of a hundred requests stay below, in seconds."""
        return statistics.quantiles(self.latencies, n=100)[98]


def request_bytes(path: str, body: bytes) -> bytes:
    """Return a whole POST request."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


def put_load(
    port: int, pid: int, requests: Sequence[bytes], *, connections: int, seconds: float, settle: float = 0.0
) -> Load:
    """Send ``requests`` in turns over ``connections`` for some seconds; raise ``ValueError`` for an answer but 200.

    ``settle`` is how long the server may go on working afterwards, such as on its log: that CPU counts too.
    """
    drivers = min(_PROCESSES, connections)
    before = cpu_seconds(pid)
    with _CONTEXT.Pool(drivers) as pool:
        share = connections // drivers
        parts = pool.starmap(_drive, [(port, list(requests), share, seconds)] * drivers)
    time.sleep(settle)
    used = cpu_seconds(pid) - before
    latencies = [latency for part, _ in parts for latency in part]
    return Load(len(latencies), max(taken for _, taken in parts), latencies, used)


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process and all below it have used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    used = (int(fields[11]) + int(fields[12])) / _TICKS
    for task in Path(f"/proc/{pid}/task").iterdir():
        used += sum(cpu_seconds(int(child)) for child in (task / "children").read_text().split())
    return used


def _drive(port: int, requests: list[bytes], connections: int, seconds: float) -> tuple[list[float], float]:
    poll = select.epoll()
    open_sockets = {}
    for _ in range(connections):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        open_sockets[connection.fileno()] = connection
        poll.register(connection, select.EPOLLIN)
    sent: dict[int, float] = {}
    pending: dict[int, bytes] = dict.fromkeys(open_sockets, b"")
    latencies: list[float] = []
    number = 0
    began = time.perf_counter()
    for descriptor, connection in open_sockets.items():
        sent[descriptor] = time.perf_counter()
        connection.sendall(requests[number % len(requests)])
        number += 1
    deadline = began + seconds
    waiting = len(open_sockets)
    while waiting:
        for descriptor, _ in poll.poll():
            connection = open_sockets[descriptor]
            received = connection.recv(1 << 20)
            content = pending[descriptor] + received
            if not received or not _is_whole(content):
                if not received:
                    raise ValueError("the server has closed the connection")
                pending[descriptor] = content
                continue
            now = time.perf_counter()
            latencies.append(now - sent[descriptor])
            pending[descriptor] = b""
            if now < deadline:
                sent[descriptor] = now
                connection.sendall(requests[number % len(requests)])
                number += 1
            else:
                waiting -= 1
    taken = time.perf_counter() - began
    for connection in open_sockets.values():
        connection.close()
    return latencies, taken


def _is_whole(content: bytes) -> bool:
    end = content.find(b"\r\n\r\n")
    if end < 0:
        return False
    if not content.startswith(b"HTTP/1.1 200"):
        raise ValueError(f"not answered with 200: {content[:300]!r}")
    head = content[:end].lower()
    start = head.find(b"content-length:") + 15
    stop = head.find(b"\r\n", start)
    length = int(head[start:stop] if stop >= 0 else head[start:])
    return len(content) >= end + 4 + length
