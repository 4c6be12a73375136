"""The part of every store's contract that is about series, metrics and documents; ``base.py`` has the rest."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from ml_core.records import Document, Forecast, MetricPoint, Observation, Receipt

METRIC_COLUMNS = (
    "start_time",
    "end_time",
    "version",
    "segment",
    "count",
    "mean",
    "standard_deviation",
    "total",
    "total_of_squares",
    "details",
)
METRIC_TABLE_COLUMNS = ("metric", *METRIC_COLUMNS)
OBSERVATION_COLUMNS = ("time", "value", "received_time")
FORECAST_COLUMNS = (
    "model",
    "version",
    "issue_time",
    "valid_time",
    "value",
    "lower_80",
    "upper_80",
    "lower_95",
    "upper_95",
)
SCORED_FORECAST_COLUMNS = (*FORECAST_COLUMNS, "truth", "truth_received_time", "horizon")


class SeriesStore(ABC):
    """Metric points of models, observations and forecasts of series, and documents.

    The name of a series or a metric and the key of a document are 1 to 191 characters of text without control
    characters and with no blank at either end, such as ``cloudwatch/i-0abc/CPUUtilization``; a kind of documents is
    named as a model is. Every method raises ``ValueError`` that names the field for another name, and for a naive time.
    """

    # Metrics of models

    @abstractmethod
    def put_metric_points(self, points: Sequence[MetricPoint]) -> None:
        """Store metric points, durably.

        One whose key is there (model, metric, segment, version, start and end time) is replaced, so to compute it again
        does no harm. Raises ``ValueError`` that names the field, with nothing stored, for an empty stretch of time,
        numbers that are negative where they count, not finite or too large, and details that JSON cannot hold.
        """

    @abstractmethod
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
        """Return the points with ``start <= start_time < end`` and ``METRIC_COLUMNS``.

        They are of one segment ("" is that of all rows) or, for None, of all segments; of one version (0 stands for all
        of them together) or, for None, of each. They come by start time, end time, version and segment. The standard
        deviation is that of the population, ``sqrt(total_of_squares / count - mean ** 2)``; it and the mean are NaN
        where nothing was counted.

        With ``window`` points are merged, per segment, into windows aligned to the Unix epoch, each into the one in
        which it starts: counts and totals add, ``details`` is empty and ``version`` 0. Points of version 0 and of
        single versions speak of the same rows, so give the version where both are kept.
        """

    @abstractmethod
    def metric_points(
        self, model: str, prefixes: Collection[str], start: datetime, end: datetime, *, segment: str | None = ""
    ) -> list[MetricPoint]:
        """Return the points with ``start <= start_time < end`` of all metrics whose name begins with a prefix.

        They are of one segment ("" is that of all rows) or, for None, of all segments; by metric, start time, end time,
        version and segment. Made for pages: many metrics are read in the time of one ``metric_series``.
        """

    @abstractmethod
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
        """Return the points of many metrics, or for None of all, in one pass, with ``METRIC_TABLE_COLUMNS``.

        They are those of ``metric_series`` for each of the metrics, which comes first in their order. Read dozens of
        metrics so: one by one, an embedded store would read the same days again for each.
        """

    @abstractmethod
    def list_metrics(self, model: str) -> list[str]:
        """Return the names of the metrics of which a model has points, in order."""

    # Series: what was measured

    @abstractmethod
    def record_observations(self, series: str, rows: Sequence[Observation]) -> Receipt:
        """Store the observations of a series once per time, durably.

        A second, equal value is a duplicate; a second, different one is rejected with both values unless it says
        ``correct``, in which case it replaces the first, and the first stays in the history.
        """

    @abstractmethod
    def observations(
        self, series: str, start: datetime, end: datetime, *, known_at: datetime | None = None
    ) -> pd.DataFrame:
        """Return the observations in force with ``OBSERVATION_COLUMNS``, oldest first.

        With ``known_at`` they are as they were known then: those received later are left out, and one that was
        corrected later has its earlier value.
        """

    @abstractmethod
    def observation_history(self, series: str) -> Iterator[Observation]:
        """Yield every value that a series ever had, by time and then in the order of arrival.

        ``correct`` is true from the second value of a time on, so what is yielded, recorded in another store, makes the
        same series there.
        """

    @abstractmethod
    def list_series(self) -> list[str]:
        """Return the names of the series that have observations or forecasts, in order."""

    # Series: what was forecast

    @abstractmethod
    def put_forecast(self, forecast: Forecast) -> None:
        """Store a forecast durably and whole: nobody ever sees a part of it.

        A step of the same series, model, issue time and valid time is replaced; steps that were stored before for other
        valid times stay. Raises ``ValueError`` that names the field, with nothing stored: for no steps, valid times
        that do not ascend or do not lie after the issue time, numbers that are not finite, and a lower bound above its
        upper one.
        """

    @abstractmethod
    def forecasts(
        self,
        series: str,
        start: datetime,
        end: datetime,
        *,
        model: str | None = None,
        issued_before: datetime | None = None,
    ) -> pd.DataFrame:
        """Return the steps with ``start <= valid_time < end`` and ``FORECAST_COLUMNS``.

        They come by valid time, model and issue time; a bound that a step does not have is NaN. With ``issued_before``
        only those whose issue time is not after it (so one issued at this very moment is there): a replay does not peek
        at what was said later.
        """

    def scored_forecasts(
        self,
        series: str,
        start: datetime,
        end: datetime,
        *,
        model: str | None = None,
        issued_before: datetime | None = None,
        known_at: datetime | None = None,
    ) -> pd.DataFrame:
        """Return ``forecasts`` with the observation at each valid time, as known at ``known_at``.

        The columns are ``SCORED_FORECAST_COLUMNS``: ``truth`` is NaN and its time NaT where none is known yet, and
        ``horizon`` is how far ahead the step looked, ``valid_time - issue_time``.
        """
        steps = self.forecasts(series, start, end, model=model, issued_before=issued_before)
        # Where nothing was forecast, as in most series of most models, there is nothing to read truths for.
        until = end if len(steps) else start
        truths = self.observations(series, start, until, known_at=known_at).set_index("time")
        known = truths.reindex(pd.DatetimeIndex(steps["valid_time"]))
        return steps.assign(
            truth=known["value"].to_numpy(),
            truth_received_time=known["received_time"].array,
            horizon=steps["valid_time"] - steps["issue_time"],
        )

    # Documents

    @abstractmethod
    def put_document(
        self, kind: str, key: str, content: Mapping[str, Any], *, expected_revision: int | None
    ) -> Document | None:
        """Store a document durably if it is still at ``expected_revision``; for None, if there is none yet.

        Returns it with its new revision, or None if another was first, and the caller reads again. Raises
        ``ValueError`` for content that JSON cannot hold, NaN and infinities among it. A document that was deleted and
        is made anew counts from 1 again.
        """

    @abstractmethod
    def get_document(self, kind: str, key: str) -> Document | None:
        """Return a document, or None."""

    @abstractmethod
    def list_documents(self, kind: str) -> list[Document]:
        """Return all documents of a kind, by key."""

    @abstractmethod
    def document_revisions(self, kind: str) -> dict[str, int]:
        """Return the revision of each document of a kind by its key, without reading what the documents hold."""

    @abstractmethod
    def document_kinds(self) -> list[str]:
        """Return the kinds of which there are documents, in order."""

    @abstractmethod
    def delete_document(self, kind: str, key: str, *, expected_revision: int) -> bool:
        """Remove a document if it is still at this revision; False if it is not, or is not there."""
