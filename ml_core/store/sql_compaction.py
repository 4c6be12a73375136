"""Compaction in SQL: tables and files are made anew without the room that deleted rows have left.

``predictions`` is left alone on a server: its rows go by whole partitions, and their room with them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, text

from ml_core.errors import StoreUnavailable
from ml_core.records import Compaction
from ml_core.store.sql_engine import Database
from ml_core.store.tables import documents, forecasts, ground_truths, metric_points, observations, prediction_rollups

_SHRINKING = (ground_truths, prediction_rollups, metric_points, observations, forecasts, documents)


def compact(database: Database, progress: Callable[[str], None]) -> Compaction:
    """Make anew what rows are deleted from, and tell of each in a line. It takes the time of a copy, so the database
    must be one opened for maintenance. Raises ``StoreUnavailable``.
    """
    if database.file is not None:
        before, after = database.read(partial(_vacuum, file=database.file))
        progress(f"{database.place}: {before:,} bytes became {after:,}")
        return Compaction(1, before, after)
    before = after = 0
    for table in _SHRINKING:
        had = database.read(partial(_bytes, table=table.name))
        refusal = database.write(partial(_optimize, table=table.name))
        if refusal is not None:
            raise StoreUnavailable(f"{database.place} does not make {table.name} anew: {refusal}")
        has = database.read(partial(_bytes, table=table.name))
        progress(f"{table.name}: {had:,} bytes became {has:,}")
        before, after = before + had, after + has
    return Compaction(len(_SHRINKING), before, after)


def _vacuum(connection: Connection, file: Path) -> tuple[int, int]:
    """Make a file anew; return its length before and after, all that was written being in it."""
    # Past SQLAlchemy, which would begin a transaction: there is no VACUUM inside one.
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
    before = file.stat().st_size
    driver.execute("VACUUM").close()
    driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
    return before, file.stat().st_size


def _optimize(connection: Connection, table: str) -> str | None:
    """Make a table anew; return why the server does not, or None."""
    answers = connection.execute(text(f"OPTIMIZE TABLE {table}")).mappings().all()
    return next((str(answer["Msg_text"]) for answer in answers if str(answer["Msg_type"]).lower() == "error"), None)


def _bytes(connection: Connection, table: str) -> int:
    query = text(
        "SELECT data_length + index_length + data_free FROM information_schema.tables"
        " WHERE table_schema = DATABASE() AND table_name = :table"
    )
    return int(connection.execute(query, {"table": table}).scalar_one_or_none() or 0)
