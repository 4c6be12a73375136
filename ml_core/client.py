"""Sends the predictions of a model that runs elsewhere to the monitor, without ever having the model wait.

    from ml_core.client import MonitorClient, watch

    model = watch(model, "churn", client=MonitorClient("http://localhost:5001"))

``docs/client.md`` tells what is promised. This module needs neither the store nor any of the apps.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import logging
import os
import weakref
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar, cast
from urllib.parse import quote, urlsplit

import orjson

from ml_core.clock import Clock, format_time
from ml_core.errors import ConfigurationError
from ml_core.ids import new_id
from ml_core.lines import encode_line
from ml_core.outbox.batches import Addressee, Batch
from ml_core.outbox.courier import ClientStatus, Courier
from ml_core.outbox.disk_queue import DiskQueue, QueueFull
from ml_core.outbox.post_office import PostOffice
from ml_core.outbox.set_apart import RefusedRow, SetApart
from ml_core.outbox.tables import (
    Column,
    invalid,
    read_columns,
    read_ids,
    read_name,
    read_times,
    read_truths,
    read_values,
)
from ml_core.outbox.watched import METHODS, Watched, task_of
from ml_core.records import Task

log = logging.getLogger(__name__)
MAX_QUEUE_BYTES = 256_000_000
EXIT_SECONDS = 3.0
AnyModel = TypeVar("AnyModel")


class MonitorClient:
    """Logs predictions and true values: into a queue on disk at once, and from there to the monitor by a thread.

    Rows that wait outlive the process, and are sent by the next client of the same ``queue_folder`` and ``url``. The
    queue holds at most ``max_queue_bytes``, of all processes together: when it is full the oldest rows are kept, and
    new ones are counted and given up. A client may be used by many threads, and in a process that was forked.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        queue_folder: str | Path | None = None,
        max_queue_bytes: int = MAX_QUEUE_BYTES,
        timeout_seconds: float = 10.0,
        clock: Clock | None = None,
    ) -> None:
        """Make a client of the monitor at ``url``; raise ``ConfigurationError`` for what is no address.

        Neither the monitor nor the folder needs to be there. The default folder is ``.local/state/ml-monitor/queue`` in
        the home of the user.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigurationError(f"url: expected an address such as http://localhost:5001, not {url[:100]!r}")
        if parts.username is not None or parts.password is not None:  # it would stand in logs
            raise ConfigurationError("url: expected an address without a name and password; give the token as token")
        self.url = url.rstrip("/")
        self.clock = clock or Clock()
        root = Path(queue_folder) if queue_folder else Path.home() / ".local" / "state" / "ml-monitor" / "queue"
        self.folder = root / hashlib.sha256(self.url.encode()).hexdigest()[:16]
        self._token = token
        self._timeout_seconds = timeout_seconds
        self._max_queue_bytes = max_queue_bytes
        self._set_apart = SetApart(self.folder / "refused.jsonl")
        self._guard = Lock()
        self._logged = self._not_queued = 0
        self._said_full = self._is_closed = False
        self._start()
        os.register_at_fork(after_in_child=functools.partial(_tell_of_fork, weakref.ref(self)))
        atexit.register(self.close, EXIT_SECONDS)

    def log_predictions(
        self,
        model: str,
        features: Any,
        values: Any,
        *,
        scores: Any = None,
        ids: Sequence[str] | None = None,
        times: Any = None,
        version: int | None = None,
        feature_names: Sequence[str] | None = None,
    ) -> list[str]:
        """Log a prediction for each row of ``features``, and return the ids under which their truth can come later.

        ``features`` is a data frame, an array (with ``feature_names``, else ``x0`` and so on), a list of dicts, or one
        dict; ``values`` are what was predicted, ``scores`` the probability (or anomaly score) behind each. Ids are made
        unless given; times are now unless given. Raises ``InvalidInput`` that names an argument, with nothing logged;
        a queue that cannot take the rows raises nothing.
        """
        columns, rows = read_columns(features, feature_names)
        more = {} if times is None else {"times": read_times(times, rows)}
        to = Addressee("predictions", model, version)
        return self._log_columns(to, columns, rows, values, scores, ids, **more).row_ids()

    def log_ground_truth(self, model: str, truths: Any, values: Any = None, *, correct: bool = False) -> None:
        """Log true values: of ids with ``values``, a dict of values by id, or a frame with prediction_id and value.

        With ``correct`` they replace those that turned out wrong. Raises as ``log_predictions`` does.
        """
        ids, values = read_truths(truths, values)
        columns = {"value": read_values("values", values, len(ids)), "correct": correct}
        self._put(Batch(Addressee("ground_truths", read_name(model)), len(ids), ids, columns, {}))

    def register_model(self, name: str, task: Task, **more: str) -> None:
        """Register a model at the monitor, with ``title`` and ``headline_metric`` if given; return when it is there.

        Raises ``DeliveryFailed`` that says why it is not.
        """
        self._ask("POST", "/models", orjson.dumps({"name": read_name(name), "task": task, **more}), "application/json")

    def send_reference(self, model: str, frame: Any) -> None:
        """Give the monitor the frame of what was normal: features, and of value, score and truth those that are known.

        Raises ``DeliveryFailed`` that says why it was not taken.
        """
        self._ask("PUT", f"/models/{quote(read_name(model))}/reference", frame.to_csv(index=False).encode(), "text/csv")

    def flush(self, timeout_seconds: float = 30.0) -> bool:
        """Wait until all rows were sent or refused, at most so long; return whether they were."""
        return self._running().flush(timeout_seconds)

    def status(self) -> ClientStatus:
        """Return how the client fares."""
        return self._courier.status(self._logged, self._not_queued)

    def refused(self) -> list[RefusedRow]:
        """Return the rows that the monitor refused, of all processes with this queue, each with the reason."""
        return self._set_apart.read()

    def send_refused_again(self) -> int:
        """Put the refused rows back into the queue, once their cause is mended; return how many. Damaged lines go."""
        rows = [row for row in self._set_apart.take() if row.kind is not None]
        for row in rows:
            item = dict(row.item)
            features = {name: [value] for name, value in item.pop("features", {}).items()}
            ids = [item.pop("prediction_id")]
            assert row.kind is not None
            columns = {name: [value] for name, value in item.items()}
            self._put(Batch(Addressee(row.kind, row.model, row.version), 1, ids, columns, features))
        return len(rows)

    def close(self, timeout_seconds: float = 5.0) -> None:
        """Send what waits, at most so long, and end the thread; what is left is sent by the next client."""
        with self._guard:
            if self._is_closed:
                return
            self._is_closed = True
        atexit.unregister(self.close)
        if self._is_forked:  # nothing was logged since; what was before is the parent's
            return
        self._courier.flush(timeout_seconds, gives_up=True)
        self._courier.stop(timeout_seconds)
        self._office.close()
        try:
            self._queue.close()
        except OSError as error:
            log.warning("the queue %s could not be closed: %s", self._queue.folder, error)

    def __enter__(self) -> MonitorClient:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _log_columns(
        self,
        to: Addressee,
        features: Mapping[str, Column],
        rows: int,
        values: Any,
        scores: Any,
        ids: Sequence[str] | None = None,
        times: list[str] | None = None,
    ) -> Batch:
        read_name(to.model)
        now = self.clock.now()
        columns: dict[str, Any] = {"time": format_time(now) if times is None else times}
        columns["value"] = read_values("values", values, rows)
        if scores is not None:
            columns["score"] = read_values("scores", scores, rows)
        known = new_id(now) if ids is None else read_ids(ids)
        if isinstance(known, list) and len(known) != rows:
            raise invalid("ids", f"expected one for each of {rows} rows, not {len(known)}")
        batch = Batch(to, rows, known, columns, features)
        self._put(batch)
        return batch

    def _put(self, batch: Batch) -> None:
        courier = self._running()
        for piece in batch.pieces():
            try:
                self._queue.append(encode_line(piece.line()))
            except (QueueFull, OSError) as error:
                self._give_up(piece.rows, error)
            else:
                with self._guard:
                    self._logged += piece.rows
                    self._said_full = False
        courier.notice()

    def _give_up(self, rows: int, error: Exception) -> None:
        with self._guard:
            self._not_queued += rows
            is_news, self._said_full = not self._said_full, True
        if is_news:
            log.warning("rows are lost since they cannot be queued (said once until it works again): %s", error)

    def _running(self) -> Courier:
        if self._is_closed:
            raise RuntimeError("this client was closed")
        if self._is_forked:
            with self._guard:
                if self._is_forked:
                    self._start()
        return self._courier

    def _start(self) -> None:
        self._queue = DiskQueue(self.folder / new_id(self.clock.now()), self._max_queue_bytes)
        self._office = PostOffice(self.url, self._token, self._timeout_seconds)
        self._courier = Courier(self._queue, self._office, self._set_apart, self.clock)
        self._is_forked = False

    def _forked(self) -> None:
        """Leave queue and thread to the parent; what this process logs, if anything, goes into a queue of its own."""
        self._guard = Lock()  # another thread may have held it
        self._queue.abandon()
        self._is_forked = True

    def _ask(self, method: str, path: str, body: bytes, content_type: str) -> None:
        office = PostOffice(self.url, self._token, self._timeout_seconds)  # that of the thread is the thread's alone
        try:
            office.ask(method, path, body, content_type)
        finally:
            office.close()


def watch(
    model: AnyModel,
    name: str,
    *,
    client: MonitorClient,
    task: Task | None = None,
    version: int | None = None,
    methods: Collection[str] = METHODS,
) -> AnyModel:
    """Return the model, as one that logs what it predicts under ``name``; the model itself is not changed.

    Each call of ``predict``, ``predict_proba`` or ``score_samples`` is logged (name fewer ``methods`` if your code
    calls two of them for the same rows). ``last_ids`` of what is returned are the ids of the calling thread's last
    call. A model that nobody has registered is registered, as one for ``task``, by default told from the model. Raises
    ``InvalidInput`` for a name that no model may have; calls of the model raise what the model raises, never more.
    """
    to = Addressee("predictions", read_name(name), version, task or task_of(model))

    def log_rows(features: dict[str, Column], rows: int, values: Any, scores: Any) -> Batch:
        return client._log_columns(to, features, rows, values, scores)

    return cast(AnyModel, Watched(model, log_rows, methods))


def _tell_of_fork(reference: weakref.ref[MonitorClient]) -> None:
    client = reference()
    if client is not None:
        client._forked()
