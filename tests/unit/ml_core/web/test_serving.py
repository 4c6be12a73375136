"""A small app under the real server: its workers, its limits and its end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families as parse
from pydantic import SecretStr

from ml_core.errors import ConfigurationError
from ml_core.launcher.proc import process_state
from ml_core.processes import free_port
from ml_core.settings import AppSettings, AuthSettings, Settings
from ml_core.web.serving import serve

_APP = '''
"""An app of a few routes. As with `python app.py`, the command that serves it has imported all it needs before."""

import os
import time
from pathlib import Path

from flask import jsonify, request

from ml_core.clock import Clock
from ml_core.commands import plain_errors
from ml_core.config import load_settings
from ml_core.errors import StoreUnavailable
from ml_core.web import serving
from ml_core.web.base_app import create_base_app


def create_app():
    Path(os.environ["TINY_FOLDER"], "loading").touch()
    time.sleep(float(os.environ.get("TINY_LOADING_SECONDS", 0)))
    if "TINY_ERROR" in os.environ:
        raise StoreUnavailable(os.environ["TINY_ERROR"])
    settings = load_settings()
    app = create_base_app(__name__, "Tiny", settings, settings.models, clock=Clock(), checks={})
    app.add_url_rule("/pid", "pid", lambda: jsonify({"pid": os.getpid()}))
    app.add_url_rule("/echo", "echo", lambda: jsonify(request.get_json()), methods=["POST"])
    app.add_url_rule("/stuck", "stuck", stuck)
    return app


def stuck():
    Path(os.environ["TINY_FOLDER"], "stuck").touch()
    time.sleep(60)


if __name__ == "__main__":
    serving._STOP_SECONDS = 1
    with plain_errors():
        settings = load_settings()
        serving.serve("tiny:create_app", "models", settings, settings.models)
'''
# Some machines name a proxy in their environment; it knows nothing of this one's ports.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass
class Served:
    """The tiny app in a process of its own."""

    process: subprocess.Popen[bytes]
    host: str
    port: int
    folder: Path

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def reached(self, place: str) -> Path:
        """Return the file that the app makes when it gets to a place."""
        return self.folder / place

    def get(self, path: str) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        with _direct.open(f"http://{host}:{self.port}{path}", timeout=5) as response:
            return str(response.read().decode())

    def pid(self) -> int:
        """Return which worker has answered."""
        return int(json.loads(self.get("/pid"))["pid"])

    def answers(self) -> bool:
        try:
            return bool(self.get("/healthz"))
        except OSError:
            return False

    def workers(self) -> list[int]:
        """Return the processes below the main one."""
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        return [int(pid) for task in tasks for pid in (task / "children").read_text().split()]


def eventually(claim: Callable[[], Any], seconds: float = 15.0) -> Any:
    """Return what the claim returns once it is true."""
    deadline = time.monotonic() + seconds
    while not (found := claim()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
    return found


def is_running(pid: int) -> bool:
    return process_state(pid) is not None


@contextmanager
def started(folder: Path, host: str = "127.0.0.1", port: int | None = None, **environ: str) -> Iterator[Served]:
    """Start to serve the tiny app; end it and its workers, whatever became of them."""
    (folder / "tiny.py").write_text(_APP)
    port = port or free_port()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ML_")}
    own = {
        "ML_MODELS__HOST": host,
        "ML_MODELS__PORT": str(port),
        "ML_RUN_FOLDER": str(folder / "run"),
        "TINY_FOLDER": str(folder),
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, str(folder / "tiny.py")],
            env={**clean, **own, **environ},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield Served(process, host, port, folder)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def served(folder: Path, host: str = "127.0.0.1", **environ: str) -> Iterator[Served]:
    """Serve the tiny app until the block ends."""
    with started(folder, host, **environ) as app:
        eventually(lambda: app.answers() or app.process.poll() is not None)
        assert app.process.poll() is None, app.log()
        yield app


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The tiny app with two workers and small bodies."""
    environ = {"ML_MODELS__WORKERS": "2", "ML_LIMITS__BODY_BYTES": "2048"}
    with served(tmp_path_factory.mktemp("pair"), **environ) as app:
        yield app


def listening(port: int, host: str = "127.0.0.1") -> AppSettings:
    return AppSettings(host=host, port=port)


# Workers


def test_two_workers_show_the_sum_of_their_counts_whichever_is_asked(pair: Served) -> None:
    answered: list[int] = []
    eventually(lambda: answered.append(pair.pid()) or len(set(answered)) == 2)
    assert sorted(set(answered)) == sorted(pair.workers())

    def counted() -> float:
        samples = [sample for family in parse(pair.get("/metrics")) for sample in family.samples]
        (count,) = (
            sample.value
            for sample in samples
            if sample.name == "http_requests_total" and sample.labels["route"] == "/pid"
        )
        return count

    assert [counted() for _ in range(10)] == [len(answered)] * 10


def test_a_worker_that_was_killed_is_replaced(pair: Served) -> None:
    killed = pair.workers()[0]
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: len(pair.workers()) == 2 and killed not in pair.workers() and not is_running(killed))
    eventually(pair.answers)
    assert pair.process.poll() is None


def test_counts_of_an_earlier_start_are_not_shown(tmp_path: Path) -> None:
    folder = tmp_path / "run" / "metrics" / "models"
    folder.mkdir(parents=True)
    (folder / "counter_1.db").write_bytes(b"of an earlier start")
    with served(tmp_path) as app:
        assert not (folder / "counter_1.db").exists()
        assert "http_requests_total" in app.get("/metrics")


# Bodies


def send(app: Served, body: bytes | Iterator[bytes]) -> tuple[int, dict[str, Any]]:
    """Send a body, in chunks and without its length if it is an iterator; return status and answer."""
    with requests.Session() as session:
        session.trust_env = False  # no proxy
        url = f"http://{app.host}:{app.port}/echo"
        response = session.post(url, body, headers={"Content-Type": "application/json"}, timeout=5)
        return response.status_code, response.json()


def test_a_body_in_chunks_is_put_together(pair: Served) -> None:
    assert send(pair, iter([b'{"a":', b" 1", b"}"])) == (200, {"a": 1})


@pytest.mark.parametrize("chunks", [3, 60, 6000])
def test_a_body_in_chunks_is_held_to_the_limit(pair: Served, chunks: int) -> None:
    status, body = send(pair, iter([b'{"a": "', *[b"x" * 1000] * chunks, b'"}']))
    assert (status, body["error"]["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("size", [2049, 6_000_000])
def test_a_body_that_says_it_is_too_large_is_refused(pair: Served, size: int) -> None:
    status, body = send(pair, b" " * size)
    assert (status, body["error"]["code"]) == (413, "body_too_large")


# Where it listens


def test_a_port_that_is_taken_is_told_in_one_line_that_says_what_to_do(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError) as caught:
            serve("tiny:create_app", "models", settings, listening(port))
    assert caught.value.message == (
        f"cannot listen on 127.0.0.1 port {port}: Address already in use; stop what uses it, or set "
        "ML_MODELS__PORT (and __HOST) to another"
    )
    assert not Path(settings.run_folder).exists()


def test_the_command_of_an_app_whose_port_is_taken_ends_with_that_line_and_status_1(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, started(tmp_path, port=taken.getsockname()[1]) as app:
        assert app.process.wait(15) == 1
        (line,) = app.log().splitlines()
        assert line.startswith("error: cannot listen on 127.0.0.1 port ")


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_beyond_loopback_nothing_is_served_without_tokens(settings: Settings, host: str) -> None:
    with pytest.raises(ConfigurationError, match="so tokens are needed"):
        serve("tiny:create_app", "models", settings, listening(free_port(), host))


def test_with_tokens_an_app_is_served_beyond_loopback(tmp_path: Path) -> None:
    with served(tmp_path, "0.0.0.0", ML_AUTH__READ_TOKENS="reader") as app:
        with pytest.raises(urllib.error.HTTPError) as caught:
            app.get("/pid")
        assert caught.value.code == 401
        caught.value.close()


def test_a_name_that_nobody_knows_is_told(settings: Settings) -> None:
    guarded = settings.model_copy(update={"auth": AuthSettings(read_tokens=(SecretStr("reader"),))})
    with pytest.raises(ConfigurationError, match=r"cannot listen on nobody\.invalid port \d+: "):
        serve("tiny:create_app", "models", guarded, listening(free_port(), "nobody.invalid"))


def test_localhost_is_a_host_to_listen_on(tmp_path: Path) -> None:
    with served(tmp_path, "localhost") as app:
        assert app.pid() in app.workers()


def test_ipv6_is_served_where_there_is_any_and_refused_in_one_line_where_not(tmp_path: Path) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        with started(tmp_path, "::1") as app:
            assert app.process.wait(15) == 1
            assert len(app.log().splitlines()) == 1
    else:
        with served(tmp_path, "::1") as app:
            assert app.pid() in app.workers()


def test_a_run_folder_that_cannot_be_written_is_told(settings: Settings) -> None:
    Path(settings.run_folder).touch()
    with pytest.raises(ConfigurationError, match=r"run_folder: cannot write .*; set ML_RUN_FOLDER"):
        serve("tiny:create_app", "models", settings, listening(free_port()))


def test_an_app_that_cannot_be_made_says_why_without_a_traceback(tmp_path: Path) -> None:
    with started(tmp_path, TINY_ERROR="the store is away; start it") as app:
        assert app.process.wait(15) == 1
        log = app.log()
        assert "error: the store is away; start it\n" in log
        assert "Traceback" not in log


# Its end


def ends(app: Served, workers: list[int], seconds: float) -> int:
    """Return the exit status; the process, its workers and their hold on the port must be gone in time."""
    status = app.process.wait(seconds)
    # The threads of a killed process end one by one, so its sockets may stay for a moment after it is gone.
    eventually(lambda: not any(is_running(pid) for pid in workers) and is_free(app.port), seconds=5)
    return status


def is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def test_sigterm_ends_the_server_and_its_workers_and_frees_the_port(tmp_path: Path) -> None:
    with served(tmp_path, ML_MODELS__WORKERS="2") as app:
        workers = app.workers()
        app.process.terminate()
        assert ends(app, workers, seconds=5) == 0


def test_sigterm_ends_a_server_whose_request_is_stuck(tmp_path: Path) -> None:
    with served(tmp_path) as app:
        workers = app.workers()
        with socket.create_connection(("127.0.0.1", app.port), timeout=5) as client:
            client.sendall(b"GET /stuck HTTP/1.1\r\nHost: localhost\r\n\r\n")
            eventually(app.reached("stuck").exists)
            app.process.terminate()
            ends(app, workers, seconds=5)


def test_sigterm_ends_a_server_that_is_still_loading_its_app(tmp_path: Path) -> None:
    with started(tmp_path, TINY_LOADING_SECONDS="60") as app:
        eventually(app.reached("loading").exists)
        workers = app.workers()
        assert workers
        began = time.monotonic()
        app.process.terminate()
        ends(app, workers, seconds=5)
        assert time.monotonic() - began < 0.9  # at once, and not only when the server loses patience


def test_workers_do_not_outlive_a_server_that_was_killed_and_its_port_is_free(tmp_path: Path) -> None:
    with served(tmp_path, ML_MODELS__WORKERS="2") as app:
        workers = app.workers()
        assert len(workers) == 2
        app.process.kill()
        ends(app, workers, seconds=5)
        with started(tmp_path, port=app.port) as successor:
            eventually(successor.answers)
            assert successor.pid() in successor.workers()


def test_a_worker_that_is_still_loading_does_not_outlive_a_server_that_was_killed(tmp_path: Path) -> None:
    with started(tmp_path, TINY_LOADING_SECONDS="60") as app:
        eventually(app.reached("loading").exists)
        workers = app.workers()
        assert workers
        app.process.kill()
        ends(app, workers, seconds=5)
