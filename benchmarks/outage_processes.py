"""What runs beside an outage: processes that accept without end, and replayers that are killed.

A replayer sends the same rows on the same road into a table that has no key.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path

from sqlalchemy import create_engine, text

from benchmarks.figures import MODEL, a_batch
from ml_core.clock import Clock
from ml_core.errors import StoreUnavailable
from ml_core.records import GroundTruth, Prediction, Receipt
from ml_core.store.replaying import Replay
from ml_core.store.spool import Spool
from ml_core.store.spool_lines import Position
from ml_core.store.spooled_store import SpooledSqlStore
from ml_core.store.sql_store import SqlStore

KEYLESS = "keyless_predictions"
SPOOL_BYTES = 2_000_000_000
ROWS = 25
TRUTHS = 10
CORRECTED = 5
PERIOD_SECONDS = 0.1
FIRST, SECOND = 1.0, 2.0
_RETRY_SECONDS = 0.05
_LOCK_SECONDS = 60.0


class _Accepting(SpooledSqlStore):
    """The store of an app; it leaves the replaying to the process that is killed."""

    def replay_what_waits(self) -> None:
        return


def accept(url: str, folder: Path, notes: Path, new_ids: bool, ended: Event) -> None:
    """Record predictions, and truths of which some are corrected, at a steady pace; note what was acknowledged.

    A note is the batch's id, how many of its rows waited in the spool, and the longest time one call took.
    """
    logging.disable(logging.WARNING)
    descriptor = os.open(notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    with closing(_Accepting(url, Spool(folder, SPOOL_BYTES), Clock())) as store:
        due = time.monotonic()
        while not ended.is_set():
            now = datetime.now(UTC)
            batch, spooled, longest = a_batch(now, ROWS), 0, 0.0
            for work in (
                lambda batch=batch: store.record_predictions(MODEL, batch, new_ids=new_ids),
                lambda batch=batch, now=now: store.record_truths(MODEL, _truths(batch[:TRUTHS], FIRST, now)),
                lambda batch=batch, now=now: store.record_truths(
                    MODEL, _truths(batch[:CORRECTED], SECOND, now + timedelta(seconds=1), correct=True)
                ),
            ):
                began = time.monotonic()
                receipt: Receipt = work()  # type: ignore[no-untyped-call]
                longest = max(longest, time.monotonic() - began)
                assert not receipt.duplicates, receipt
                assert not receipt.rejected, receipt
                spooled += receipt.spooled
            os.write(descriptor, f"{batch[0].prediction_id[:36]}\t{spooled}\t{longest}\n".encode())
            due = max(due + PERIOD_SECONDS, time.monotonic() - 1)
            time.sleep(max(0.0, due - time.monotonic()))


def _truths(rows: Sequence[Prediction], value: float, now: datetime, *, correct: bool = False) -> list[GroundTruth]:
    return [GroundTruth(row.prediction_id, value, now, correct) for row in rows]


class _Doomed(Spool):
    """A spool that tells when all of a window is committed, and then waits to be killed."""

    window_lines = 500

    def __init__(self, folder: Path, told: Connection) -> None:
        super().__init__(folder, SPOOL_BYTES)
        self._told = told

    def advance(self, end: Position, now: datetime) -> None:
        self._told.send("committed")
        time.sleep(3600)


class _TwoTables(SqlStore):
    """Stores as ever, and adds the ids of predictions to a table without a key."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._keyless = create_engine(url)

    def record_predictions(self, model: str, rows: Sequence[Prediction], *, new_ids: bool = False) -> Receipt:
        receipt = super().record_predictions(model, rows, new_ids=new_ids)
        with self._keyless.begin() as connection:
            ids = [{"prediction_id": row.prediction_id} for row in rows]
            connection.execute(text(f"INSERT INTO {KEYLESS} (prediction_id) VALUES (:prediction_id)"), ids)
        return receipt


def replay(url: str, folder: Path, told: Connection | None) -> None:
    """Replay without end, as the thread of an app does; with ``told`` wait after the first commit to be killed."""
    logging.disable(logging.ERROR)
    spool = Spool(folder, SPOOL_BYTES) if told is None else _Doomed(folder, told)
    store = _TwoTables(url)
    while True:
        try:
            with spool.replaying(_LOCK_SECONDS) as mine:
                assert mine
                for _ in Replay(spool, store, Clock()).run():
                    pass
        except StoreUnavailable:
            pass  # it is away, as it should be
        time.sleep(_RETRY_SECONDS)
