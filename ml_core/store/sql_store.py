"""The store in a database: MariaDB or MySQL for more than one machine, SQLite for one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from datetime import datetime, timedelta

import pandas as pd
from sqlalchemy import Connection

from ml_core.records import (
    Compaction,
    GroundTruth,
    JobRun,
    Model,
    ModelVersion,
    Prediction,
    Receipt,
    RunLease,
    RunState,
    StageChange,
)
from ml_core.store import partitions, sql_compaction, sql_house, sql_models, sql_records, sql_runs
from ml_core.store.base import Store
from ml_core.store.deciding import decide_predictions
from ml_core.store.sql_engine import Database, PartitionMissing


class SqlStore(Store):
    """A store at ``sqlite:///absolute/path`` or ``mysql+pymysql://user:password@host/database``.

    The database is first touched when the store is first used; tables that are missing are made then. One object may be
    used by many threads. Raises ``ConfigurationError`` for what is not a URL.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._database = Database(url)

    def check(self) -> None:
        self._database.check()

    def close(self) -> None:
        self._database.close()

    def put_model(self, model: Model) -> bool:
        return self._database.write(lambda connection: sql_models.put_model(connection, model))

    def get_model(self, name: str) -> Model | None:
        return self._database.read(lambda connection: sql_models.get_model(connection, name))

    def list_models(self) -> list[Model]:
        return self._database.read(sql_models.list_models)

    def add_version(self, version: ModelVersion) -> ModelVersion:
        return self._database.write(lambda connection: sql_models.add_version(connection, version))

    def list_versions(self, model: str) -> list[ModelVersion]:
        return self._database.read(lambda connection: sql_models.list_versions(connection, model))

    def get_version(self, model: str, number: int) -> ModelVersion | None:
        return self._database.read(lambda connection: sql_models.get_version(connection, model, number))

    def change_stage(self, model: str, change: StageChange) -> bool:
        return self._database.write(lambda connection: sql_models.change_stage(connection, model, change))

    def claim_run(self, job: str, slot: datetime, *, now: datetime, lease: timedelta, holder: str) -> RunLease | None:
        return self._database.write(lambda connection: sql_runs.claim(connection, job, slot, now, lease, holder))

    def renew_run(self, held: RunLease, *, now: datetime, lease: timedelta) -> RunLease | None:
        return self._database.write(lambda connection: sql_runs.renew(connection, held, now, lease))

    def finish_run(
        self, held: RunLease, *, now: datetime, state: RunState, message: str | None = None, log_tail: str = ""
    ) -> bool:
        return self._database.write(lambda connection: sql_runs.finish(connection, held, now, state, message, log_tail))

    def list_jobs(self) -> list[str]:
        return self._database.read(sql_runs.list_jobs)

    def list_runs(self, job: str, *, newest: int) -> list[JobRun]:
        return self._database.read(lambda connection: sql_runs.list_runs(connection, job, newest))

    def record_predictions(self, model: str, rows: Sequence[Prediction], *, new_ids: bool = False) -> Receipt:
        attempts = 0

        def work(connection: Connection) -> Receipt:
            nonlocal attempts
            attempts += 1
            # A first attempt that failed may have met an id that was not new after all.
            look_up = not new_ids or attempts > 1
            return sql_records.record_predictions(connection, model, rows, look_up=look_up)

        try:
            return self._database.write(work)
        except PartitionMissing:
            # Only the times of rows that can be stored: another's may be anywhere.
            newest = max(row.time for row in decide_predictions(rows, {})[0]).date()
            self._database.write(lambda connection: partitions.make_ahead(connection, newest))
            return self._database.write(work)

    def record_truths(self, model: str, rows: Sequence[GroundTruth]) -> Receipt:
        return self._database.write(lambda connection: sql_records.record_truths(connection, model, rows))

    def predictions(self, model: str, start: datetime, end: datetime, *, newest: int | None = None) -> pd.DataFrame:
        return self._database.read(
            lambda connection: sql_records.read_predictions(connection, model, start, end, newest)
        )

    def scored(self, model: str, start: datetime, end: datetime, *, known_at: datetime | None = None) -> pd.DataFrame:
        return self._database.read(lambda connection: sql_records.read_scored(connection, model, start, end, known_at))

    def count_predictions(self, model: str, start: datetime, end: datetime, window: timedelta) -> dict[datetime, int]:
        return self._database.read(
            lambda connection: sql_records.count_predictions(connection, model, start, end, window)
        )

    def last_prediction_time(self, model: str) -> datetime | None:
        return self._database.read(lambda connection: sql_records.last_prediction_time(connection, model))

    def erase(self, model: str, prediction_ids: Collection[str]) -> int:
        return sql_house.erase(self._database, model, prediction_ids)

    def drop_before(self, time: datetime) -> dict[str, int]:
        return sql_house.drop_before(self._database, time)

    def count_records(self) -> dict[str, dict[str, int]]:
        return self._database.read(sql_house.count_records)

    def compact(self, before: datetime, progress: Callable[[str], None]) -> Compaction:
        self.check()  # so that there are tables
        with closing(Database(self._url, maintenance=True)) as database:
            return sql_compaction.compact(database, progress)
