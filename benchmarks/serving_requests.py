"""One row with its score over HTTP on eight connections: our app, scikit-learn under Flask, a Flask that says hello.

All three run under the same granian flags, at once but loaded in turns. Ours checks each body, counts each prediction
and logs it durably; the others do nothing of the kind.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from anomaly_api.generator import generate_windows
from anomaly_api.names import MODEL
from anomaly_api.train import run
from benchmarks.figures import Figure, Pairs, Sizes, progress
from benchmarks.serving_load import Load, put_load, request_bytes
from ml_core.clock import Clock
from ml_core.config import project_root
from ml_core.processes import free_port
from ml_core.registry import Registry
from ml_core.store.json_store import JsonStore
from tests.processes import own_folders

_CONNECTIONS = 8
_SETTLE_SECONDS = 0.5  # longer than rows wait for the log, whose CPU counts as well
_START_SECONDS = 120.0
_SERVERS: Mapping[str, Sequence[str]] = {
    "ours": ("anomaly_api", "serve"),
    "hello": ("benchmarks.serving_servers", "hello"),
    "control": ("benchmarks.serving_servers", "control"),
}


def measure(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Yield throughput against scikit-learn, CPU and p99 against hello, and whether each answer is in the store."""
    progress("requests: training")
    store = JsonStore(folder / "store")
    run(Registry(store, folder / "artifacts", Clock()))
    rows = generate_windows(500, seed=7).to_numpy().tolist()
    requests = [
        request_bytes("/prediction", json.dumps({"feature_vector": row, "score": True}).encode()) for row in rows
    ]
    loads: dict[str, list[Load]] = {name: [] for name in _SERVERS}
    with ExitStack() as stack:
        servers = {name: stack.enter_context(_served(command, folder, name)) for name, command in _SERVERS.items()}
        for pid, port in servers.values():
            _wait_until_it_answers(pid, port, requests[0])
        before = _stored(store)
        for number in range(sizes.rounds + 1):  # the first one is not counted: it does what is done but once
            progress(f"requests: round {number} of {sizes.rounds}")
            for name, (pid, port) in servers.items():
                load = put_load(
                    port, pid, requests, connections=_CONNECTIONS, seconds=sizes.load_seconds, settle=_SETTLE_SECONDS
                )
                loads[name].append(load)
    answered = sum(load.requests for load in loads["ours"])
    logged = _stored(store) - before
    store.close()
    yield from _figures({name: found[1:] for name, found in loads.items()})
    yield Figure(
        "answers that are not in the store",
        f"{answered - logged} of {answered:,}",
        "0",
        answered == logged,
    )


def _figures(loads: Mapping[str, Sequence[Load]]) -> Iterator[Figure]:
    ours, hello, control = (loads[name] for name in ("ours", "hello", "control"))
    rates = Pairs([load.rate for load in ours], [load.rate for load in control])
    yield Figure(
        f"requests a second, {_CONNECTIONS} connections, ours / scikit-learn under Flask",
        rates.show(lambda value: f"{value:,.0f}/s"),
        "at least 50",
        rates.ratio >= 50,
    )
    cpu = Pairs([load.cpu_per_request for load in ours], [load.cpu_per_request for load in hello])
    yield Figure(
        "server CPU a request, ours / a Flask that says hello",
        cpu.show(lambda value: f"{value * 1e6:.0f} us"),
        "at most 1.35",
        cpu.ratio <= 1.35,
    )
    slowest = Pairs([load.p99 for load in ours], [load.p99 for load in hello])
    yield Figure(
        "p99 of the latency, ours / a Flask that says hello",
        slowest.show(lambda value: f"{value * 1e3:.1f} ms"),
        "at most 3",
        slowest.ratio <= 3,
    )


@contextmanager
def _served(command: Sequence[str], folder: Path, name: str) -> Iterator[tuple[int, int]]:
    """Run a server on a free port with folders of its own; give its process id and port."""
    port = free_port()
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("ML_")}
    own = own_folders(folder) | {"ML_RUN_FOLDER": str(folder / name), "ML_ANOMALY__PORT": str(port)}
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command], env=inherited | own, cwd=project_root(), stdout=log, stderr=log
        )
    try:
        yield process.pid, port
    finally:
        process.terminate()
        process.wait()


def _wait_until_it_answers(pid: int, port: int, request: bytes) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                connection.sendall(request)
                if connection.recv(64).startswith(b"HTTP/1.1 200"):
                    return
        except OSError:
            pass
        if time.monotonic() > deadline:
            raise TimeoutError(f"process {pid} does not answer on port {port}")
        time.sleep(0.2)


def _stored(store: JsonStore) -> int:
    now, hours = datetime.now(UTC), timedelta(hours=2)
    return len(store.predictions(MODEL, now - hours, now + hours))
