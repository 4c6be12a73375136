"""Receivers of what the suite sends: a web server that keeps its calls, and a mail server that keeps its mails."""

from __future__ import annotations

import email
import email.policy
import socket
import ssl
import threading
from dataclasses import dataclass
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


@dataclass(frozen=True)
class Call:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """A web server on loopback. It answers with ``answers`` in turn, the last of them for good."""

    def __init__(self, answers: list[int] | None = None) -> None:
        self.answers = answers or [200]
        self.calls: list[Call] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.calls.append(Call(self.command, self.path, headers, body))
                self.send_response(outer.answers.pop(0) if len(outer.answers) > 1 else outer.answers[0])
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST  # noqa: N815

            def log_message(self, format: str, *args: Any) -> None:
                """Tests read the calls."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """The address of the server."""
        return f"http://127.0.0.1:{self._server.server_port}/T0/hidden"

    def __enter__(self) -> Receiver:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class MailServer:
    """An SMTP server on loopback that keeps what it takes; with a ``login`` it takes nothing without it."""

    def __init__(
        self, *, tls: ssl.SSLContext | None = None, starttls: ssl.SSLContext | None = None, login: str | None = None
    ) -> None:
        self.mails: list[EmailMessage] = []
        self.refused: set[str] = set()
        self.port = _free_port()
        outer = self

        class Handler:
            async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
                if address in outer.refused:
                    return "550 no such mailbox"
                envelope.rcpt_tos.append(address)
                return "250 OK"

            async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
                message = email.message_from_bytes(envelope.content, policy=email.policy.default)
                assert isinstance(message, EmailMessage)
                outer.mails.append(message)
                return "250 OK"

        def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
            is_right = f"{data.login.decode()}:{data.password.decode()}" == login
            return AuthResult(success=is_right, handled=is_right)

        options: dict[str, Any] = {}
        if login is not None:
            options = {"auth_required": True, "authenticator": authenticate}
        if starttls is not None:
            options |= {"tls_context": starttls, "require_starttls": True}
        self._options = {"hostname": "127.0.0.1", "port": self.port, "ssl_context": tls, **options}
        self._handler = Handler()

    def __enter__(self) -> MailServer:
        self._controller = Controller(self._handler, **self._options)  # opens an event loop
        self._controller.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._controller.stop()


def _free_port() -> int:
    # The controller dials its own port to see that it is up, so it cannot be given 0.
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
