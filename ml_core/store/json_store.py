"""The embedded store: a folder of JSON files that needs no server; the default, good to about a million records."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from ml_core.clock import as_utc
from ml_core.errors import StoreUnavailable
from ml_core.files import file_trouble
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
from ml_core.store import json_compaction, json_copying, json_erasing, json_housekeeping, json_verifying
from ml_core.store.base import Store
from ml_core.store.deciding_metrics import in_order
from ml_core.store.erasure import Erasure
from ml_core.store.frames import prediction_frame, scored_frame, summary_frame
from ml_core.store.frames_series import forecast_frame, metric_frame, metric_table_frame, observation_frame
from ml_core.store.json_forecasts import JsonForecasts
from ml_core.store.json_formats import bring_up_to_date
from ml_core.store.json_free_documents import JsonFreeDocuments
from ml_core.store.json_metrics import JsonMetrics
from ml_core.store.json_models import JsonModels
from ml_core.store.json_notices import MANY_RECORDS, RecordEstimate, outgrown
from ml_core.store.json_observations import JsonObservations
from ml_core.store.json_records import JsonRecords
from ml_core.store.json_runs import JsonRuns
from ml_core.store.json_segments import sweep_segments
from ml_core.store.names import check_kinds
from ml_core.store.progress import Progress
from ml_core.store.summaries import counts_by_window


class JsonStore(Store):
    """The store in ``folder``: ``documents/``, ``records/`` and ``format.json``, which names the layout's version.

    One of an older format is brought up to date. With more than ``many_records`` it gives a notice. Raises
    ``StoreUnavailable``.
    """

    def __init__(self, folder: Path, *, many_records: int = MANY_RECORDS) -> None:
        self.folder = folder
        try:
            bring_up_to_date(folder)
            (folder / "documents").mkdir(exist_ok=True)
            self._models = JsonModels(folder / "documents")
            sweep_segments(folder / "records")
        except OSError as error:
            raise file_trouble("write", folder, error) from error
        self._records = JsonRecords(folder / "records")
        self._many_records, self._estimate = many_records, RecordEstimate(folder / "records")
        self._runs = JsonRuns(folder / "records" / "job_runs")
        self._metrics = JsonMetrics(folder / "records" / "metric_points")
        self._observations = JsonObservations(folder / "records" / "observations")
        self._forecasts = JsonForecasts(folder / "records" / "forecasts")
        self._documents = JsonFreeDocuments(folder / "documents")

    def check(self) -> None:
        try:
            with tempfile.TemporaryFile(dir=self.folder) as probe:
                probe.write(bytes(4096))  # an empty file would fit on a full disk
        except OSError as error:
            raise file_trouble("write", self.folder, error) from error
        self._models.list_models()

    def close(self) -> None:
        """Nothing is held open between calls."""

    def notices(self) -> list[str]:
        try:
            notice = outgrown(self._estimate.count(), self._many_records)
        except StoreUnavailable as error:
            notice = error.message
        return [] if notice is None else [notice]

    def put_model(self, model: Model) -> bool:
        return self._models.put_model(model)

    def get_model(self, name: str) -> Model | None:
        return self._models.get_model(name)

    def list_models(self) -> list[Model]:
        return self._models.list_models()

    def add_version(self, version: ModelVersion) -> ModelVersion:
        return self._models.add_version(version)

    def list_versions(self, model: str) -> list[ModelVersion]:
        return self._models.list_versions(model)

    def get_version(self, model: str, number: int) -> ModelVersion | None:
        return self._models.get_version(model, number)

    def change_stage(self, model: str, change: StageChange) -> bool:
        return self._models.change_stage(model, change)

    def claim_run(self, job: str, slot: datetime, *, now: datetime, lease: timedelta, holder: str) -> RunLease | None:
        return self._runs.claim(job, slot, now, lease, holder)

    def renew_run(self, held: RunLease, *, now: datetime, lease: timedelta) -> RunLease | None:
        return self._runs.renew(held, now, lease)

    def finish_run(
        self, held: RunLease, *, now: datetime, state: RunState, message: str | None = None, log_tail: str = ""
    ) -> bool:
        return self._runs.finish(held, now, state, message, log_tail)

    def list_jobs(self) -> list[str]:
        return self._runs.list_jobs()

    def list_runs(self, job: str, *, newest: int) -> list[JobRun]:
        return self._runs.list_runs(job, newest)

    def record_predictions(self, model: str, rows: Sequence[Prediction], *, new_ids: bool = False) -> Receipt:
        return self._records.record_predictions(model, rows, new_ids=new_ids)

    def record_truths(self, model: str, rows: Sequence[GroundTruth]) -> Receipt:
        return self._records.record_truths(model, rows)

    def predictions(self, model: str, start: datetime, end: datetime, *, newest: int | None = None) -> pd.DataFrame:
        return prediction_frame(self._records.predictions(model, start, end, newest))

    def scored(self, model: str, start: datetime, end: datetime, *, known_at: datetime | None = None) -> pd.DataFrame:
        return scored_frame(self._records.scored(model, start, end, known_at))

    def count_predictions(self, model: str, start: datetime, end: datetime, window: timedelta) -> dict[datetime, int]:
        return counts_by_window(self._records.summarise(model, start, end, window), window)

    def summarise_predictions(self, model: str, start: datetime, end: datetime, window: timedelta) -> pd.DataFrame:
        return summary_frame(self._records.summarise(model, start, end, window), window)

    def last_prediction_time(self, model: str) -> datetime | None:
        return self._records.last_prediction_time(model)

    def put_metric_points(self, points: Sequence[MetricPoint]) -> None:
        self._metrics.put(points)

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
        return metric_frame(self._metrics.series(model, metric, start, end, segment, version), window)

    def metric_points(
        self, model: str, prefixes: Collection[str], start: datetime, end: datetime, *, segment: str | None = ""
    ) -> list[MetricPoint]:
        return in_order(self._metrics.points(model, prefixes, start, end, segment))

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
        return metric_table_frame(self._metrics.table(model, start, end, metrics, segment, version))

    def list_metrics(self, model: str) -> list[str]:
        return self._metrics.list_metrics(model)

    def record_observations(self, series: str, rows: Sequence[Observation]) -> Receipt:
        return self._observations.record(series, rows)

    def observations(
        self, series: str, start: datetime, end: datetime, *, known_at: datetime | None = None
    ) -> pd.DataFrame:
        return observation_frame(self._observations.observations(series, start, end, known_at))

    def observation_history(self, series: str) -> Iterator[Observation]:
        return self._observations.history(series)

    def list_series(self) -> list[str]:
        return sorted({*self._observations.list_series(), *self._forecasts.list_series()})

    def put_forecast(self, forecast: Forecast) -> None:
        self._forecasts.put(forecast)

    def forecasts(
        self,
        series: str,
        start: datetime,
        end: datetime,
        *,
        model: str | None = None,
        issued_before: datetime | None = None,
    ) -> pd.DataFrame:
        return forecast_frame(self._forecasts.forecasts(series, start, end, model, issued_before))

    def put_document(
        self, kind: str, key: str, content: Mapping[str, Any], *, expected_revision: int | None
    ) -> Document | None:
        return self._documents.put(kind, key, content, expected_revision)

    def get_document(self, kind: str, key: str) -> Document | None:
        return self._documents.get(kind, key)

    def list_documents(self, kind: str) -> list[Document]:
        return self._documents.list_all(kind)

    def document_revisions(self, kind: str) -> dict[str, int]:
        return self._documents.revisions(kind)

    def document_kinds(self) -> list[str]:
        return self._documents.kinds()

    def delete_document(self, kind: str, key: str, *, expected_revision: int) -> bool:
        return self._documents.delete(kind, key, expected_revision)

    def erase(self, model: str, prediction_ids: Collection[str]) -> Erasure:
        return json_erasing.erase(self._records.folder, model, prediction_ids)

    def drop_before(self, time: datetime, kinds: Collection[str] = ("predictions", "ground_truths")) -> dict[str, int]:
        chosen, first_kept = check_kinds(kinds), as_utc(time).date()
        by_series = {kind: part.drop_before(first_kept) for kind, part in self._kinds() if kind in chosen}
        return json_housekeeping.drop_before(self._records.folder, time, chosen) | by_series

    def count_records(self) -> dict[str, dict[str, int]]:
        by_series = {kind: part.count() for kind, part in self._kinds()}
        return json_housekeeping.count_records(self._records.folder) | by_series

    def size_bytes(self) -> int:
        return json_housekeeping.size_bytes(self.folder)

    def _kinds(self) -> tuple[tuple[str, JsonMetrics | JsonObservations | JsonForecasts], ...]:
        return ("metric_points", self._metrics), ("observations", self._observations), ("forecasts", self._forecasts)

    def each_prediction(self, model: str) -> Iterator[Prediction]:
        return json_copying.each_prediction(self._records.folder, model)

    def truth_history(self, model: str, prediction_ids: Collection[str] | None = None) -> Iterator[GroundTruth]:
        return json_copying.truth_history(self._records.folder, model, prediction_ids)

    def put_runs(self, job: str, runs: Sequence[JobRun]) -> None:
        self._runs.put(job, runs)

    def verify(self, progress: Progress) -> Findings:
        return json_verifying.verify(self.folder, self._models, progress)

    def compact(self, before: datetime, progress: Callable[[str], None]) -> Compaction:
        return json_compaction.compact(self._records.folder, before, progress)
