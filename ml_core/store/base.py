"""The contract of every store, on one page. One suite in ``tests/contract`` runs on all of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime, timedelta

import pandas as pd

from ml_core.records import (
    Compaction,
    Findings,
    GroundTruth,
    JobRun,
    Model,
    ModelVersion,
    Prediction,
    Receipt,
    RunLease,
    RunState,
    SpoolStatus,
    StageChange,
)
from ml_core.store.base_series import SeriesStore
from ml_core.store.erasure import Erasure
from ml_core.store.progress import Progress

PREDICTION_COLUMNS = ("prediction_id", "time", "version", "value", "score", "features", "scores")
SUMMARY_COLUMNS = ("start_time", "count", "numbers", "mean", "standard_deviation")
SCORED_COLUMNS = (*PREDICTION_COLUMNS, "truth", "truth_received_time")


class Store(SeriesStore):
    """Where models, predictions, series and all that goes with them are kept, shared by all processes of the suite.

    What a method has acknowledged by returning is durable. Every method raises ``StoreUnavailable`` when the
    store cannot be reached, read or written. Time ranges are half-open, ``start <= time < end``, aware UTC. Whether
    the model of a record is registered is for the caller to know; a record's numbers come back as float.
    """

    @abstractmethod
    def check(self) -> None:
        """Return if the store can be read and written; raise ``StoreUnavailable`` that says what to do."""

    @abstractmethod
    def close(self) -> None:
        """Release files and connections; the store may not be used afterwards."""

    def notices(self) -> list[str]:
        """Return what an operator should know and perhaps do, a sentence each; asking never fails and never waits."""
        return []

    def spool_status(self) -> SpoolStatus | None:
        """Return what waits on this machine for the database; None for a store without a spool.

        Raises ``StoreUnavailable`` only if the spool itself cannot be read.
        """
        return None

    # Models and their versions

    @abstractmethod
    def put_model(self, model: Model) -> bool:
        """Add the model; if its name is taken, update title, task, seed id and headline metric. True if it is new.

        ``created_time`` and ``stage_changes`` of a model that is there already are kept.
        """

    @abstractmethod
    def get_model(self, name: str) -> Model | None:
        """Return the model of this name, or None."""

    @abstractmethod
    def list_models(self) -> list[Model]:
        """Return all models, by name."""

    @abstractmethod
    def add_version(self, version: ModelVersion) -> ModelVersion:
        """Store a version under the next free number of its model, counted from 1; return it with that number.

        Raises ``ModelNotFound``.
        """

    @abstractmethod
    def list_versions(self, model: str) -> list[ModelVersion]:
        """Return the versions of a model, oldest first; empty for an unknown model."""

    @abstractmethod
    def get_version(self, model: str, number: int) -> ModelVersion | None:
        """Return one version, or None."""

    @abstractmethod
    def change_stage(self, model: str, change: StageChange) -> bool:
        """Append ``change`` to the model's stage changes if its champion is still ``change.previous``.

        False if it is not: another process was first, and the caller reads again. Raises ``ModelNotFound``, and
        ``ValueError`` for a roll-back to a version that is not the one promoted before.
        """

    # Runs of jobs

    @abstractmethod
    def claim_run(self, job: str, slot: datetime, *, now: datetime, lease: timedelta, holder: str) -> RunLease | None:
        """Take a slot of a job for ``lease`` from ``now`` on, and start its run in the history.

        None if its work is done, or another holder's lease has not run out. A run that failed or was lost may be
        claimed again. Of all who claim at once exactly one gets the lease.
        """

    @abstractmethod
    def renew_run(self, held: RunLease, *, now: datetime, lease: timedelta) -> RunLease | None:
        """Return the lease with its new end; None if it was lost to another holder, and the work must stop."""

    @abstractmethod
    def finish_run(
        self, held: RunLease, *, now: datetime, state: RunState, message: str | None = None, log_tail: str = ""
    ) -> bool:
        """End a run as ``done`` or ``failed``; False if the lease was lost to another holder, whose run it is now."""

    @abstractmethod
    def list_jobs(self) -> list[str]:
        """Return the names of all jobs that ever ran, in order."""

    @abstractmethod
    def list_runs(self, job: str, *, newest: int) -> list[JobRun]:
        """Return at most the ``newest`` so many runs of a job, by slot and fence, oldest first."""

    # Predictions and their ground truth

    @abstractmethod
    def record_predictions(self, model: str, rows: Sequence[Prediction], *, new_ids: bool = False) -> Receipt:
        """Store predictions once per id, durably.

        An id that is there already counts as a duplicate if the row is the same, else the row is rejected. With
        ``new_ids`` the caller vouches that all ids were made just now, and no look-up is done.
        """

    @abstractmethod
    def record_truths(self, model: str, rows: Sequence[GroundTruth]) -> Receipt:
        """Store ground truths once per prediction id; a truth may come before its prediction.

        A second, equal value is a duplicate; a second, different one is rejected with both values unless it says
        ``correct``, in which case it replaces the first, and the first stays in the history.
        """

    @abstractmethod
    def predictions(self, model: str, start: datetime, end: datetime, *, newest: int | None = None) -> pd.DataFrame:
        """Return predictions with ``PREDICTION_COLUMNS``, oldest first; at most the ``newest`` so many."""

    @abstractmethod
    def scored(self, model: str, start: datetime, end: datetime, *, known_at: datetime | None = None) -> pd.DataFrame:
        """Return predictions with ``SCORED_COLUMNS``: ``truth`` is missing and its time NaT where none is known yet.

        With ``known_at`` truths are as they were known then: those received later are missing, and a truth that was
        corrected later has its earlier value. So a replay sees nothing of its future.
        """

    @abstractmethod
    def count_predictions(self, model: str, start: datetime, end: datetime, window: timedelta) -> dict[datetime, int]:
        """Return the number of predictions per window that holds any, by the window's start.

        Windows are aligned to the Unix epoch; the first and the last are cut by ``start`` and ``end``.
        """

    @abstractmethod
    def summarise_predictions(self, model: str, start: datetime, end: datetime, window: timedelta) -> pd.DataFrame:
        """Return what predictions come to, with ``SUMMARY_COLUMNS``: a row per window that holds any, oldest first.

        Windows are those of ``count_predictions``. ``numbers`` counts the values that are numbers (below 1e100, since
        their squares are summed), ``mean`` and ``standard_deviation`` (of the population) are theirs, or NaN. Made for
        charts: to be had without reading the predictions if windows are whole hours.
        """

    @abstractmethod
    def last_prediction_time(self, model: str) -> datetime | None:
        """Return the time of the newest prediction of a model, or None."""

    def last_prediction_times(self) -> dict[str, datetime]:
        """Return the time of the newest prediction of each registered model that has any, by name.

        Made for pages of all models: a database is asked once, in a time that grows with the models alone.
        """
        newest = {model.name: self.last_prediction_time(model.name) for model in self.list_models()}
        return {name: time for name, time in newest.items() if time is not None}

    # Keeping house

    @abstractmethod
    def erase(self, model: str, prediction_ids: Collection[str]) -> Erasure:
        """Remove all that is stored of these predictions: features, values, and truths with their history.

        It reaches what hidden versions said of them and the lines that scripts tracked of them (see ``companions``).
        Afterwards the ids are as if they had never been.
        """

    @abstractmethod
    def drop_before(self, time: datetime, kinds: Collection[str] = ("predictions", "ground_truths")) -> dict[str, int]:
        """Forget records of some kinds of the days (UTC) that lie wholly before ``time``.

        Predictions and observations go by their time, ground truths by the time they were received, steps of
        ``forecasts`` by their valid time, and ``metric_points`` by their end, which may be the midnight before the
        first day that is kept. Returns how many rows went, by kind: values that were corrected count too. Raises
        ``ValueError`` for another kind.
        """

    @abstractmethod
    def count_records(self) -> dict[str, dict[str, int]]:
        """Return the number of rows by kind and model; by series for ``observations`` and the steps of ``forecasts``.

        A value that was corrected is one. A model or series of which nothing is stored is left out.
        """

    @abstractmethod
    def size_bytes(self) -> int:
        """Return how much room all that is kept takes on disk; of a database it may be an estimate."""

    # Copying and checking

    @abstractmethod
    def each_prediction(self, model: str) -> Iterator[Prediction]:
        """Yield all predictions of a model, oldest day first, without holding more than some thousand in memory."""

    @abstractmethod
    def truth_history(self, model: str, prediction_ids: Collection[str] | None = None) -> Iterator[GroundTruth]:
        """Yield every value that the truths of a model ever took; with ``prediction_ids`` only the truths of these.

        The values of one id come together, in the order they arrived, and ``correct`` is True from the second on.
        """

    @abstractmethod
    def put_runs(self, job: str, runs: Sequence[JobRun]) -> None:
        """Keep runs as they are, in the place of any with the same slot and fence: for copying, without a lease."""

    @abstractmethod
    def verify(self, progress: Progress) -> Findings:
        """Read all that is kept, and return what is not as it was written; nothing is changed.

        What the store cannot notice by itself is not found: see docs/operations.md for each kind of store.
        """

    @abstractmethod
    def compact(self, before: datetime, progress: Callable[[str], None]) -> Compaction:
        """Make what is kept smaller without changing what any method returns; tell of each part done in a line.

        The embedded store packs days that lie wholly before ``before``; a database gives back the room of all that was
        deleted. Others may read and write meanwhile.
        """
