"""The web process's side of the worker: starts it when it is first needed, and again should it die."""

from __future__ import annotations

import contextlib
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

from ml_core.artifacts.formats import Outputs
from ml_core.config import project_root
from ml_core.errors import ArtifactError, FieldError, InvalidInput, NotFound, SuiteError, WorkerUnavailable
from ml_core.settings import WorkerSettings
from ml_core.worker.messages import MODEL_FAILED, read_message, write_message

log = logging.getLogger(__name__)


class Worker:
    """A subprocess that loads models and predicts with them, one request at a time.

    It ends when this object is closed, or when this process ends however it ends: its input is closed then.
    """

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id of the running worker, or None."""
        return self._process.pid if self._process else None

    def predict(self, folder: Path, sha256: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Outputs:
        """Return the outputs of the artifact in ``folder`` for ``rows``.

        Raises ``ArtifactError`` if it cannot be loaded, ``NotFound`` if no model is in it, ``InvalidInput`` if the
        model fails on these rows, and ``WorkerUnavailable`` if the worker ends, or takes longer than the setting
        ``worker.timeout_seconds``.
        """
        reply = self._reply({"folder": str(folder), "sha256": sha256, "columns": list(columns), "rows": rows})
        if reply.get("error") == MODEL_FAILED:
            raise InvalidInput(f"the model refused these rows: {reply['message']}")
        if reply.get("error") == NotFound.code:
            raise NotFound(reply["message"])
        if "error" in reply:
            raise ArtifactError(reply["message"])
        return Outputs(reply["values"], reply["scores"], reply["scores_by_class"])

    def call(self, target: str, arguments: Mapping[str, Any]) -> Any:
        """Return what the function ``target`` ("module:function") returns for ``arguments``; both must be plain JSON.

        For work whose libraries a web process does without. Raises ``InvalidInput`` and ``ArtifactError`` as the
        function did, ``WorkerUnavailable`` as ``predict`` does, and ``SuiteError`` for whatever else went wrong there.
        """
        reply = self._reply({"call": target, "arguments": dict(arguments)})
        if reply.get("error") == InvalidInput.code:
            raise InvalidInput(reply["message"], [FieldError(field, message) for field, message in reply["details"]])
        if reply.get("error") == ArtifactError.code:
            raise ArtifactError(reply["message"])
        if "error" in reply:
            raise SuiteError(reply["message"])
        return reply["result"]

    def close(self) -> None:
        """End the worker."""
        with self._lock:
            self._end()

    def _reply(self, request: dict[str, Any]) -> dict[str, Any]:
        deadline = time.monotonic() + self._settings.timeout_seconds
        if not self._lock.acquire(timeout=self._settings.timeout_seconds):
            raise WorkerUnavailable("the worker is busy with other requests; try again")
        try:
            return self._ask(request, deadline)
        finally:
            self._lock.release()

    def _ask(self, request: dict[str, Any], deadline: float) -> dict[str, Any]:
        process = self._running()
        # A kill ends every wait at once, whether for a reply, the rest of one, or room in the pipe for the request.
        alarm = threading.Timer(max(0.0, deadline - time.monotonic()), process.kill)
        alarm.daemon = True
        alarm.start()
        try:
            write_message(cast(BinaryIO, process.stdin), request)
            reply = read_message(cast(BinaryIO, process.stdout))
        except BrokenPipeError:
            reply = None
        finally:
            alarm.cancel()
        if reply is not None:
            return cast(dict[str, Any], reply)
        self._end()
        if time.monotonic() < deadline:
            raise WorkerUnavailable("the worker ended while it predicted")
        raise WorkerUnavailable(f"the model did not answer within {self._settings.timeout_seconds:g} s")

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is not None:
            log.warning("the worker %d ended with status %s", self._process.pid, self._process.returncode)
            self._end()
        if self._process is None:
            command = [sys.executable, "-m", "ml_core.worker.process", str(self._settings.loaded_models)]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=project_root())
            log.info("started the worker %d", self._process.pid)
        return self._process

    def _end(self) -> None:
        if self._process is None:
            return
        self._process.kill()
        with contextlib.suppress(BrokenPipeError):  # half a request may still wait in the buffer of a dead pipe
            cast(BinaryIO, self._process.stdin).close()
        cast(BinaryIO, self._process.stdout).close()
        self._process.wait()
        self._process = None
