"""``simulate-controller``: a small HTTP server of the controller's API over a load that is made up.

It answers as the real one does: each ``time-range-type``; XML unless JSON is asked for, one point unless
``rollup=false``, a point a minute for up to 1,459 minutes, one every ten up to 49 hours, else one an hour; tokens that
run out; the hour that is not over yet as far as it has come. Nothing but this machine can reach it.

Faults for tests and demonstrations: ``POST /simulator/faults`` with the form ``kind`` (one of ``FAULTS``) and ``times``
spoils that many answers to come.
"""

from __future__ import annotations

import re
import secrets
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import click
import orjson

from forecasting_jobs.response_time.controller_config import TOKEN_PATH, read_controller_config
from forecasting_jobs.response_time.metrics import METRIC_PATHS
from forecasting_jobs.response_time.simulated_answers import SpoiledAnswer, metric_data, spoil
from forecasting_jobs.response_time.simulated_load import SimulatedLoad
from ml_core.clock import Clock
from ml_core.commands import plain_errors
from ml_core.config import load_settings
from ml_core.errors import ConfigurationError

FAULTS = ("unavailable", "slow", "unauthorised", "xml", "half", "duplicates", "text", "empty")
SLOW_SECONDS = 2.0
_TIMES = re.compile(r"[1-9][0-9]{0,2}")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Tell of an error, unless it is that a client did not wait for its answer."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class SimulatedController:
    """The controller of one application; ``url`` is where it answers once it is served."""

    def __init__(
        self,
        load: SimulatedLoad,
        clock: Clock,
        *,
        client_id: str,
        client_secret: str,
        application: str = "ABP",
        port: int = 0,
        token_seconds: float = 300.0,
        paths: Mapping[str, str] = METRIC_PATHS,
    ) -> None:
        self.load, self.clock, self.application = load, clock, application
        self.client_id, self.client_secret, self.token_seconds = client_id, client_secret, token_seconds
        self.paths = paths
        self.faults: deque[str] = deque()
        self.tokens: dict[str, float] = {}
        self.questions = 0
        try:
            self._server = _Server(("127.0.0.1", port), _handler(self))
        except OSError as error:
            raise ConfigurationError(
                f"response_time.simulator_port: cannot listen on {port}: {error.strerror}"
            ) from None
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def serve(self) -> None:
        """Answer until stopped."""
        with self._server:
            self._server.serve_forever(poll_interval=0.05)

    @contextmanager
    def running(self) -> Iterator[SimulatedController]:
        """Answer in a thread while the block runs."""
        thread = threading.Thread(target=self.serve, name="simulated controller", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()

    def new_token(self) -> str:
        """Return a token that is good for ``token_seconds``."""
        token = secrets.token_urlsafe(24)
        self.tokens[token] = time.monotonic() + self.token_seconds
        return token

    def is_valid(self, token: str) -> bool:
        """Return whether a token was given and has not run out."""
        return self.tokens.get(token, 0.0) > time.monotonic()


def _times(form: dict[str, str]) -> str:
    return form.get("times", "1")


def _handler(controller: SimulatedController) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            form = {name: values[-1] for name, values in parse_qs(self._body()).items()}
            if urlsplit(self.path).path == TOKEN_PATH:
                self._give_token(form)
            elif self.path == "/simulator/faults" and form.get("kind") in FAULTS and _TIMES.fullmatch(_times(form)):
                controller.faults.extend([form["kind"]] * int(_times(form)))
                self._send(200, b"{}")
            else:
                self._send(400, b'{"error":"expected a token to be asked for, or a kind of fault and 1 to 999 times"}')

        def do_GET(self) -> None:
            address = urlsplit(self.path)
            if address.path == "/readyz":
                self._send(200, b"{}")
                return
            controller.questions += 1
            parts = address.path.split("/")
            fault = controller.faults.popleft() if controller.faults else None
            if fault == "slow":
                time.sleep(SLOW_SECONDS)
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            if fault == "unauthorised" or not controller.is_valid(token):
                self._send(401, b"")
            elif fault == "unavailable":
                self._send(503, b"")
            elif len(parts) != 6 or parts[:4] != ["", "controller", "rest", "applications"]:
                self._send(404, b"")
            elif unquote(parts[4]) != controller.application:
                self._send(404, f"Invalid application name {unquote(parts[4])}".encode())
            else:
                question = {name: values[-1] for name, values in parse_qs(address.query).items()}
                self._answer(question, fault)

        def _answer(self, question: dict[str, str], fault: str | None) -> None:
            if question.get("output") != "JSON" or fault == "xml":
                self._send(200, b"<metric-datas></metric-datas>", "application/xml")
                return
            try:
                content = metric_data(controller.load, question, controller.clock.now(), controller.paths)
            except ValueError as error:
                self._send(400, str(error).encode())
                return
            answer = spoil(content, fault) if fault else SpoiledAnswer(content)
            body = orjson.dumps(answer.content)
            self._send(200, body[: len(body) // 2] if answer.is_cut else body, says=len(body))

        def _give_token(self, form: dict[str, str]) -> None:
            if form.get("grant_type") != "client_credentials":
                self._send(400, b'{"error":"unsupported_grant_type"}')
                return
            expected = f"{controller.client_id}\n{controller.client_secret}".encode()
            given = f"{form.get('client_id')}\n{form.get('client_secret')}".encode()
            if not secrets.compare_digest(expected, given):
                self._send(401, b'{"error":"invalid_client"}')
                return
            token = {"access_token": controller.new_token(), "expires_in": controller.token_seconds}
            self._send(200, orjson.dumps(token))

        def _body(self) -> str:
            length = int(self.headers.get("Content-Length") or 0)
            return self.rfile.read(min(length, 100_000)).decode("utf-8", "replace")

        def _send(self, status: int, body: bytes, kind: str = "application/json", says: int | None = None) -> None:
            length = len(body) if says is None else says
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = length != len(body)

        def log_message(self, format: str, *args: object) -> None:
            """Keep still: what is asked is the client's to log."""

    return Handler


@click.command("simulate-controller")
@click.option("--port", type=click.IntRange(1, 65535), help="Its port, instead of response_time.simulator_port.")
def simulate_controller(port: int | None) -> None:
    """Serve the API of a controller over a load that is made up, until stopped."""
    with plain_errors():
        settings = load_settings()
        section = settings.response_time
        config = read_controller_config(section)
        controller = SimulatedController(
            SimulatedLoad(),
            Clock(settings.clock_offset),
            client_id=config.client_id,
            client_secret=config.client_secret,
            application=section.application,
            port=port or section.simulator_port,
            paths=config.metric_paths,
        )
        click.echo(f"a made-up controller answers at {controller.url}/controller", err=True)
        controller.serve()
