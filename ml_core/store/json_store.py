"""The embedded store: a folder of JSON files that needs no server; the default, good to about a million records."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd

from ml_core.files import file_trouble
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
from ml_core.store import json_compaction, json_housekeeping
from ml_core.store.base import Store
from ml_core.store.frames import prediction_frame, scored_frame
from ml_core.store.json_formats import bring_up_to_date
from ml_core.store.json_models import JsonModels
from ml_core.store.json_notices import MANY_RECORDS, RecordEstimate, outgrown
from ml_core.store.json_records import JsonRecords
from ml_core.store.json_runs import JsonRuns
from ml_core.store.json_segments import sweep_segments


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
        notice = outgrown(self._estimate.count(), self._many_records)
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
        return self._records.count_predictions(model, start, end, window)

    def last_prediction_time(self, model: str) -> datetime | None:
        return self._records.last_prediction_time(model)

    def erase(self, model: str, prediction_ids: Collection[str]) -> int:
        return json_housekeeping.erase(self._records.folder, model, prediction_ids)

    def drop_before(self, time: datetime) -> dict[str, int]:
        return json_housekeeping.drop_before(self._records.folder, time)

    def count_records(self) -> dict[str, dict[str, int]]:
        return json_housekeeping.count_records(self._records.folder)

    def compact(self, before: datetime, progress: Callable[[str], None]) -> Compaction:
        return json_compaction.compact(self._records.folder, before, progress)
