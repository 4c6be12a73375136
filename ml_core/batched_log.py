"""The log of a process that answers thousands of predictions a second: rows are written in batches, off the road.

What is promised: of what was answered, a crash loses at most the last second. Rows wait ``FLUSH_SECONDS`` before they
are written; a row that has waited ``_LONGEST_WAIT_SECONDS`` because the store is slow stops the answers until it is
written, and a store that takes nothing stops them with ``StoreUnavailable``. What waits is kept and written when the
store is back. Nothing answered is dropped silently. A process that is told to stop writes what waits.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_core.errors import StoreUnavailable
from ml_core.masking import Masking
from ml_core.records import Prediction
from ml_core.store.base import Store

log = logging.getLogger(__name__)
Floats = NDArray[np.float64]

FLUSH_SECONDS = 0.2
_LONGEST_WAIT_SECONDS = 0.75
_PATIENCE_SECONDS = 2.0  # for a store that is slow, before the client is told to try again


@dataclass(frozen=True, slots=True)
class Served:
    """What one request was answered: rows of features with an id, a value and a score each.

    Many rows come as arrays, of shape (rows, features) and (rows,): lists of a thousand rows that wait would have the
    garbage collector look through all of them again and again.
    """

    version: int
    time: datetime
    names: Sequence[str]
    prediction_ids: Sequence[str]
    rows: Sequence[Sequence[float]] | Floats
    values: Sequence[float] | Floats
    scores: Sequence[float] | Floats


class BatchedLog:
    """Writes what one model has served: with ``sync`` before ``add`` returns, else within a fraction of a second.

    The thread that writes is started by the first row. It ends when the process does, after what waits is written.
    """

    def __init__(self, store: Store, model: str, masking: Masking | None = None, *, sync: bool = False) -> None:
        self._store = store
        self._model = model
        self._masking = masking or Masking()
        self._sync = sync
        self._changed = threading.Condition()
        self._waiting: list[Served] = []
        self._waiting_since: float | None = None  # when the first of those that wait was added
        self._writing_since: float | None = None  # the same of those that are being written
        self._trouble: str | None = None
        self._closing = False
        self._thread: threading.Thread | None = None

    def add(self, served: Served) -> None:
        """Take what was served; raise ``StoreUnavailable`` if it cannot be kept, and then it must not be answered."""
        if self._sync:
            self._record(self._predictions(served), new_ids=True)
            return
        now = time.monotonic()
        with self._changed:
            if self._trouble is not None or self._is_late(now):
                self._wait_for_room()
            if self._waiting_since is None:
                self._waiting_since = now
            self._waiting.append(served)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="prediction-log", daemon=False)
                self._thread.start()

    def notices(self) -> list[str]:
        """Return what an operator should know: that the store takes nothing."""
        trouble = self._trouble
        return [f"predictions are refused, for they cannot be logged: {trouble}"] if trouble else []

    def close(self) -> None:
        """Write what waits, and end; raise ``StoreUnavailable`` if it could not be written."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join()
        if self._waiting:
            raise StoreUnavailable(f"{len(self._waiting)} answers could not be logged: {self._trouble}")

    def _is_late(self, now: float) -> bool:
        oldest = self._waiting_since if self._writing_since is None else self._writing_since
        return oldest is not None and now - oldest > _LONGEST_WAIT_SECONDS

    def _wait_for_room(self) -> None:
        if self._trouble is None:
            self._changed.wait_for(
                lambda: self._trouble is not None or not self._is_late(time.monotonic()), _PATIENCE_SECONDS
            )
        if self._trouble is not None:
            raise StoreUnavailable(self._trouble)
        if self._is_late(time.monotonic()):
            raise StoreUnavailable("the store is too slow to log predictions")

    def _run(self) -> None:
        main = threading.main_thread()
        retrying = False
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closing, FLUSH_SECONDS)
                closing = self._closing or not main.is_alive()
            retrying = not self._flush(retrying)
            if closing:
                return

    def _flush(self, retrying: bool) -> bool:
        """Write what waits; return whether it is written. After a failure some of it may be in the store already."""
        with self._changed:
            batch, self._waiting = self._waiting, []
            self._writing_since, self._waiting_since = self._waiting_since, None
        trouble = None
        try:
            if batch:
                predictions = [prediction for served in batch for prediction in self._predictions(served)]
                self._record(predictions, new_ids=not retrying)
        except StoreUnavailable as error:
            trouble = error.message
            log.error("%d answers wait to be logged: %s", len(batch), trouble)
        except Exception as error:  # an error of ours must not end this thread: answers would be kept and never written
            trouble = f"the log failed with {type(error).__name__}"
            log.exception("%d answers wait to be logged: %s", len(batch), trouble)
        if trouble is not None:
            with self._changed:
                self._waiting = batch + self._waiting
                self._waiting_since, self._writing_since = self._writing_since, None
                self._trouble = trouble
                self._changed.notify_all()
            return False
        with self._changed:
            self._writing_since = self._trouble = None
            self._changed.notify_all()
        return True

    def _record(self, predictions: Sequence[Prediction], *, new_ids: bool) -> None:
        receipt = self._store.record_predictions(self._model, predictions, new_ids=new_ids)
        for rejection in receipt.rejected:
            rejected = predictions[rejection.index].prediction_id
            log.error("prediction %s was not stored: %s %s", rejected, rejection.field, rejection.message)

    def _predictions(self, served: Served) -> list[Prediction]:
        rows, values, scores = (_as_list(each) for each in (served.rows, served.values, served.scores))
        return [
            Prediction(
                prediction_id,
                served.time,
                self._masking.mask(self._model, dict(zip(served.names, row, strict=True))),
                value,
                score,
                served.version,
            )
            for prediction_id, row, value, score in zip(served.prediction_ids, rows, values, scores, strict=True)
        ]


def _as_list(values: Any) -> Any:
    return values.tolist() if isinstance(values, np.ndarray) else values
