"""Replayers that are killed between the commit and the move of the position: nothing is lost and nothing comes twice.

Beside them the same road leads into a table without a key, where the same kills must leave rows more than once: else
they did not fall where they should.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from sqlalchemy import insert

from ml_core.clock import Clock
from ml_core.records import Prediction, Receipt
from ml_core.settings import SpoolSettings
from ml_core.store.opening import open_spool
from ml_core.store.replaying import Replay
from ml_core.store.spool import Spool
from ml_core.store.spool_lines import Position
from ml_core.store.sql_store import SqlStore
from ml_core.store.tables import metadata
from tests.factories import NOON, a_prediction, a_truth
from tests.mariadb import MariaDbServer, new_server

MODEL = "housing_price"
KILLS = 6
ROWS = 300
_CONTEXT = multiprocessing.get_context("forkserver")


class Doomed(Spool):
    """A spool that tells when the database has committed, and then waits to be killed."""

    told: Connection

    def advance(self, end: Position, now: datetime) -> None:
        self.told.send("committed")
        threading.Event().wait()


class TwoTables(SqlStore):
    """Stores as ever, and adds the same rows to a table that has no key."""

    def record_predictions(self, model: str, rows: Sequence[Prediction], *, new_ids: bool = False) -> Receipt:
        receipt = super().record_predictions(model, rows, new_ids=new_ids)
        keyless = metadata.tables["predictions"].to_metadata(type(metadata)(), name="keyless")
        columns = [
            {"model": model, "time": row.time, "prediction_id": row.prediction_id, "features": {}} for row in rows
        ]
        self._database.write(lambda connection: connection.execute(insert(keyless), columns))
        return receipt


def replay_until_killed(url: str, folder: Path, told: Connection) -> None:
    spool = Doomed(folder, 100_000_000)
    spool.told = told
    with spool.replaying(10) as mine:
        assert mine
        for _ in Replay(spool, TwoTables(url), Clock()).run():
            pass


@pytest.fixture(scope="module")
def server() -> Iterator[MariaDbServer]:
    started = new_server()
    yield started
    started.remove()


def kill_one(url: str, folder: Path) -> None:
    told, telling = _CONTEXT.Pipe(duplex=False)
    process = _CONTEXT.Process(target=replay_until_killed, args=(url, folder, telling))
    process.start()
    telling.close()
    try:
        assert told.recv() == "committed"
    finally:
        process.kill()
        process.join()
        told.close()
    assert process.exitcode == -signal.SIGKILL


def test_killed_replayers_lose_nothing_and_store_nothing_twice(server: MariaDbServer, tmp_path: Path) -> None:
    url = server.new_database()
    database = url.rpartition("/")[2]
    spool = open_spool(url, SpoolSettings(folder=str(tmp_path)))
    with closing(SqlStore(url)) as store:
        store.check()
        server.execute(
            f"CREATE TABLE {database}.keyless LIKE {database}.predictions",
            f"ALTER TABLE {database}.keyless DROP PRIMARY KEY, DROP INDEX predictions_by_id",
        )
        rows = [a_prediction(NOON, prediction_id=f"order-{number}") for number in range(ROWS)]
        spool.append("predictions", MODEL, rows[: ROWS // 2], NOON)
        spool.append("predictions", MODEL, rows[ROWS // 2 :], NOON, new_ids=True)  # not looked up at first
        for number, value in enumerate((1.0, 2.0, 1.0)):
            received = NOON + timedelta(minutes=number)
            truths = [a_truth(row.prediction_id, value, received_time=received, correct=number > 0) for row in rows]
            spool.append("ground_truths", MODEL, truths, NOON)

        for _ in range(KILLS):
            kill_one(url, spool.folder)
        assert spool.status().records == 4 * ROWS

        with spool.replaying() as mine:
            assert mine
            last = Replay(spool, TwoTables(url), Clock())
            assert list(last.run())
        assert (last.done.stored, last.done.duplicates, last.done.set_apart) == (0, 4 * ROWS, 0)
        assert not spool.holds_records()
        counts = store.count_records()
        assert (counts["predictions"], counts["ground_truths"]) == ({MODEL: ROWS}, {MODEL: ROWS})
        revisions = server.execute(
            f"SELECT revision, MIN(value), MAX(value), COUNT(*) FROM {database}.ground_truths"
            " GROUP BY revision ORDER BY revision"
        )
        assert revisions == [(1, 1.0, 1.0, ROWS), (2, 2.0, 2.0, ROWS), (3, 1.0, 1.0, ROWS)]
        assert server.execute(f"SELECT COUNT(*) FROM {database}.keyless") == [((KILLS + 1) * ROWS,)]
