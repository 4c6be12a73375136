"""The store in a database: MariaDB or MySQL for more than one machine, SQLite for one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
from sqlalchemy import Connection

from ml_core.records import (
    Compaction,
    Document,
    Findings,
    Forecast,
    GroundTruth,
    JobRun,
    MetricPoint,
    Model,
    ModelVersion,
    Observation,
    Prediction,
    Receipt,
    RunLease,
    RunState,
    StageChange,
)
from ml_core.store import (
    partitions,
    sql_compaction,
    sql_copying,
    sql_documents,
    sql_erasing,
    sql_forecasts,
    sql_house,
    sql_metrics,
    sql_models,
    sql_observations,
    sql_records,
    sql_rollups,
    sql_runs,
    sql_verifying,
)
from ml_core.store.base import Store
from ml_core.store.deciding import decide_predictions
from ml_core.store.deciding_metrics import in_order
from ml_core.store.erasure import Erasure
from ml_core.store.frames import summary_frame
from ml_core.store.frames_series import forecast_frame, metric_frame, metric_table_frame, observation_frame
from ml_core.store.progress import Progress
from ml_core.store.sql_engine import Database, PartitionMissing
from ml_core.store.summaries import Sums, counts_by_window


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

    def replay_truths(self, model: str, rows: Sequence[GroundTruth]) -> Receipt:
        """Store ground truths as ``record_truths`` does; those that were stored before in the same way are duplicates.

        A truth has no key of its own: it is known again by its id, the time of its receipt and its value.
        """
        return self._database.write(
            lambda connection: sql_records.record_truths(connection, model, rows, replayed=True)
        )

    @property
    def place(self) -> str:
        """The database's name for messages, without user and password."""
        return self._database.place

    def predictions(self, model: str, start: datetime, end: datetime, *, newest: int | None = None) -> pd.DataFrame:
        return self._database.read(
            lambda connection: sql_records.read_predictions(connection, model, start, end, newest)
        )

    def scored(self, model: str, start: datetime, end: datetime, *, known_at: datetime | None = None) -> pd.DataFrame:
        return self._database.read(lambda connection: sql_records.read_scored(connection, model, start, end, known_at))

    def count_predictions(self, model: str, start: datetime, end: datetime, window: timedelta) -> dict[datetime, int]:
        return counts_by_window(self._summarise(model, start, end, window), window)

    def summarise_predictions(self, model: str, start: datetime, end: datetime, window: timedelta) -> pd.DataFrame:
        return summary_frame(self._summarise(model, start, end, window), window)

    def _summarise(self, model: str, start: datetime, end: datetime, window: timedelta) -> dict[int, Sums]:
        return self._database.read(lambda connection: sql_rollups.summarise(connection, model, start, end, window))

    def last_prediction_time(self, model: str) -> datetime | None:
        return self._database.read(lambda connection: sql_records.last_prediction_time(connection, model))

    def last_prediction_times(self) -> dict[str, datetime]:
        return self._database.read(sql_records.last_prediction_times)

    def put_metric_points(self, points: Sequence[MetricPoint]) -> None:
        self._database.write(lambda connection: sql_metrics.put(connection, points))

    def metric_series(
        self,
        model: str,
        metric: str,
        start: datetime,
        end: datetime,
        *,
        segment: str | None = "",
        version: int | None = None,
        window: timedelta | None = None,
    ) -> pd.DataFrame:
        def work(connection: Connection) -> list[MetricPoint]:
            return sql_metrics.read(connection, model, metric, start, end, segment, version)

        return metric_frame(self._database.read(work), window)

    def metric_points(
        self, model: str, prefixes: Collection[str], start: datetime, end: datetime, *, segment: str | None = ""
    ) -> list[MetricPoint]:
        def work(connection: Connection) -> list[MetricPoint]:
            return sql_metrics.read_by_prefix(connection, model, prefixes, start, end, segment)

        return in_order(self._database.read(work))

    def metric_table(
        self,
        model: str,
        start: datetime,
        end: datetime,
        metrics: Collection[str] | None = None,
        *,
        segment: str | None = "",
        version: int | None = None,
    ) -> pd.DataFrame:
        def work(connection: Connection) -> list[MetricPoint]:
            return sql_metrics.read_table(connection, model, start, end, metrics, segment, version)

        return metric_table_frame(self._database.read(work))

    def list_metrics(self, model: str) -> list[str]:
        return self._database.read(lambda connection: sql_metrics.list_metrics(connection, model))

    def record_observations(self, series: str, rows: Sequence[Observation]) -> Receipt:
        return self._database.write(lambda connection: sql_observations.record(connection, series, rows))

    def observations(
        self, series: str, start: datetime, end: datetime, *, known_at: datetime | None = None
    ) -> pd.DataFrame:
        def work(connection: Connection) -> list[Observation]:
            return sql_observations.read(connection, series, start, end, known_at)

        return observation_frame(self._database.read(work))

    def observation_history(self, series: str) -> Iterator[Observation]:
        return sql_observations.history(self._database, series)

    def list_series(self) -> list[str]:
        return self._database.read(sql_observations.list_series)

    def put_forecast(self, forecast: Forecast) -> None:
        self._database.write(lambda connection: sql_forecasts.put(connection, forecast))

    def forecasts(
        self,
        series: str,
        start: datetime,
        end: datetime,
        *,
        model: str | None = None,
        issued_before: datetime | None = None,
    ) -> pd.DataFrame:
        def work(connection: Connection) -> list[tuple[Any, ...]]:
            return sql_forecasts.read(connection, series, start, end, model, issued_before)

        return forecast_frame(self._database.read(work))

    def put_document(
        self, kind: str, key: str, content: Mapping[str, Any], *, expected_revision: int | None
    ) -> Document | None:
        return self._database.write(
            lambda connection: sql_documents.put(connection, kind, key, content, expected_revision)
        )

    def get_document(self, kind: str, key: str) -> Document | None:
        return self._database.read(lambda connection: sql_documents.get(connection, kind, key))

    def list_documents(self, kind: str) -> list[Document]:
        return self._database.read(lambda connection: sql_documents.list_all(connection, kind))

    def document_revisions(self, kind: str) -> dict[str, int]:
        return self._database.read(lambda connection: sql_documents.revisions(connection, kind))

    def document_kinds(self) -> list[str]:
        return self._database.read(sql_documents.kinds)

    def delete_document(self, kind: str, key: str, *, expected_revision: int) -> bool:
        return self._database.write(lambda connection: sql_documents.remove(connection, kind, key, expected_revision))

    def erase(self, model: str, prediction_ids: Collection[str]) -> Erasure:
        return sql_erasing.erase(self._database, model, prediction_ids)

    def drop_before(self, time: datetime, kinds: Collection[str] = ("predictions", "ground_truths")) -> dict[str, int]:
        return sql_house.drop_before(self._database, time, kinds)

    def count_records(self) -> dict[str, dict[str, int]]:
        return self._database.read(sql_house.count_records)

    def size_bytes(self) -> int:
        return self._database.read(sql_house.size_bytes)

    def each_prediction(self, model: str) -> Iterator[Prediction]:
        return sql_copying.each_prediction(self._database, model)

    def truth_history(self, model: str, prediction_ids: Collection[str] | None = None) -> Iterator[GroundTruth]:
        return sql_copying.truth_history(self._database, model, prediction_ids)

    def put_runs(self, job: str, runs: Sequence[JobRun]) -> None:
        self._database.write(lambda connection: sql_copying.put_runs(connection, job, runs))

    def verify(self, progress: Progress) -> Findings:
        self._database.read(lambda connection: None)  # makes the tables of an empty database
        return sql_verifying.verify(self._url, progress)

    def compact(self, before: datetime, progress: Callable[[str], None]) -> Compaction:
        self._database.read(lambda connection: None)  # makes the tables of an empty database
        with closing(Database(self._url, maintenance=True)) as database:
            return sql_compaction.compact(database, progress)
