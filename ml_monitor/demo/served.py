"""The monitor that takes the demo's data: one that runs already, or one that is started for it on a free port."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import orjson
import requests

from ml_core.config import project_root
from ml_core.errors import DeliveryFailed
from ml_core.http_client import new_session
from ml_core.processes import end_process, free_port

_START_SECONDS = _ANSWER_SECONDS = _END_SECONDS = 60
_ROWS_PER_REQUEST = 1000


class Monitor:
    """Posts to a monitor as any client would; raises ``DeliveryFailed`` for whatever it does not take."""

    def __init__(self, url: str, token: str | None) -> None:
        self.url = url.rstrip("/")
        self._session = new_session()
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def register(self, body: dict[str, Any]) -> None:
        """Register a model."""
        self._call("POST", "/models", orjson.dumps(body))

    def put_reference(self, model: str, table: bytes) -> None:
        """Give a model its reference."""
        self._call("PUT", f"/models/{quote(model)}/reference", table, "text/csv")

    def post(self, path: str, kind: str, rows: list[dict[str, Any]], **more: Any) -> int:
        """Post rows of a kind; return how many were new."""
        new = 0
        for start in range(0, len(rows), _ROWS_PER_REQUEST):
            body = {**more, kind: rows[start : start + _ROWS_PER_REQUEST]}
            receipt = self._call("POST", path, orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY))
            if receipt["rejected"]:
                raise DeliveryFailed(f"{self.url}{path} refused rows: {receipt['rejected'][0]}")
            new += receipt["accepted"]
        return new

    def close(self) -> None:
        """Close connections."""
        self._session.close()

    def _call(self, method: str, path: str, body: bytes, content_type: str = "application/json") -> Any:
        headers = {"Content-Type": content_type}
        try:
            answer = self._session.request(
                method, f"{self.url}{path}", data=body, headers=headers, timeout=_ANSWER_SECONDS, allow_redirects=False
            )
        except requests.RequestException as error:
            raise DeliveryFailed(f"{self.url} cannot be reached: {type(error).__name__}") from None
        if answer.status_code not in (200, 201):
            raise DeliveryFailed(f"{self.url}{path} answered {answer.status_code}: {answer.text[:500]}")
        return orjson.loads(answer.content)


@contextmanager
def started_monitor(token: str | None) -> Iterator[Monitor]:
    """Serve the monitor as the settings say, but on a free port of loopback, until the block ends.

    Raises ``DeliveryFailed`` with the end of its log if it does not get ready.
    """
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="ml-monitor-demo-") as folder, tempfile.TemporaryFile() as log:
        # Its counters lie in a folder of its own: at its start it empties those of the monitor that may run already.
        own = {"ML_MONITOR__HOST": "127.0.0.1", "ML_MONITOR__PORT": str(port), "ML_RUN_FOLDER": folder}
        process = subprocess.Popen(
            [sys.executable, "-m", "ml_monitor", "serve"],
            env={**os.environ, **own},
            cwd=project_root(),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            monitor = Monitor(f"http://127.0.0.1:{port}", token)
            if not _becomes_ready(monitor.url, process):
                log.seek(max(0, log.seek(0, os.SEEK_END) - 2000))
                raise DeliveryFailed(f"the monitor did not start:\n{log.read().decode('utf-8', 'replace')}")
            yield monitor
            monitor.close()
        finally:
            end_process(process, _END_SECONDS)


def _becomes_ready(url: str, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + _START_SECONDS
    with new_session(retries=0) as session:
        while process.poll() is None and time.monotonic() < deadline:
            try:
                if session.get(f"{url}/readyz", timeout=5).status_code == 200:
                    return True
            except requests.RequestException:  # nothing listens yet
                time.sleep(0.05)
    return False
