"""Copies what is kept of metrics, series and documents from one store into another; ``copying.py`` has the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby, islice
from typing import Any, Protocol, TypeVar

import pandas as pd

from ml_core.records import Forecast, ForecastStep, MetricPoint, Observation
from ml_core.store.base import Store

_T = TypeVar("_T")

_METRICS_AT_ONCE = 50
_START, _END = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
_BATCH_ROWS = 10_000


class Work(Protocol):
    """What is known of a copy that is under way, and who is told of it."""

    source: Store
    target: Store

    def add(self, kind: str, copied: int, already_there: int) -> None:
        """Count rows."""

    def tell(self, kind: str, done: int) -> None:
        """Show how far it is."""

    def conflict(self, message: str) -> None:
        """Note what the target holds with another content."""


def copy_metric_points(work: Work) -> None:
    """Copy metric points; one that is there with another content is replaced, since it only was computed anew."""
    done = 0
    for model in sorted(work.source.count_records()["metric_points"]):
        names = work.source.list_metrics(model)
        # Many at once, since an embedded store reads all days for each call; not all, since they are held in memory.
        for metrics in (names[start : start + _METRICS_AT_ONCE] for start in range(0, len(names), _METRICS_AT_ONCE)):
            known = {repr(point) for point in _points(work.target, model, metrics)}  # their details cannot be hashed
            for some in _batches(_points(work.source, model, metrics)):
                missing = [point for point in some if repr(point) not in known]
                work.target.put_metric_points(missing)
                done += len(some)
                work.add("metric_points", len(missing), len(some) - len(missing))
                work.tell("metric_points", done)


def copy_observations(work: Work) -> None:
    """Copy observations with their history; of one that is there in part, what follows it."""
    done = 0
    for series in work.source.list_series():
        for some in _batches(_histories(work.source.observation_history(series))):
            missing: list[Observation] = []
            known = dict(_known_histories(work.target, series, some))
            for history in some:
                there = known.get(history[0].time, [])
                if _facts(there) == _facts(history[: len(there)]):
                    missing += history[len(there) :]
                elif _facts(there)[-len(history) :] != _facts(history):
                    values = ", ".join(str(row.value) for row in there)
                    message = f"the target holds another history, with the values {values}"
                    work.conflict(f"series {series!r} at {history[0].time:%Y-%m-%d %H:%M:%S} UTC: {message}")
            receipt = work.target.record_observations(series, missing)
            for rejection in receipt.rejected:
                time = missing[rejection.index].time
                work.conflict(f"series {series!r} at {time:%Y-%m-%d %H:%M:%S} UTC: {rejection.message}")
            done += len(some)
            times = len({row.time for row in missing})
            work.add("observations", times, len(some) - times)
            work.tell("observations", done)


def copy_forecasts(work: Work) -> None:
    """Copy forecasts; a step that is there with another content is replaced, as by the forecaster itself."""
    done = 0
    for series in work.source.list_series():
        known = set(_forecasts(work.target, series))
        for forecast in _forecasts(work.source, series):
            if is_new := forecast not in known:
                work.target.put_forecast(forecast)
            steps = len(forecast.steps)
            done += steps
            work.add("forecasts", steps * is_new, steps * (not is_new))
            work.tell("forecasts", done)


def copy_documents(work: Work) -> None:
    """Copy documents; one that is there with another content is a conflict and stays."""
    done = 0
    for kind in work.source.document_kinds():
        known = {document.key: document.content for document in work.target.list_documents(kind)}
        for document in work.source.list_documents(kind):
            there = known.get(document.key)
            if there is None:
                work.target.put_document(kind, document.key, document.content, expected_revision=None)
            elif there != document.content:
                work.conflict(f"the document {document.key!r} of kind {kind!r}: the target holds another one")
            done += 1
            work.add("documents", int(there is None), int(there == document.content))
            work.tell("documents", done)


SERIES_KINDS: tuple[Callable[[Work], None], ...] = (
    copy_metric_points,
    copy_observations,
    copy_forecasts,
    copy_documents,
)


def _points(store: Store, model: str, metrics: Sequence[str]) -> Iterator[MetricPoint]:
    frame = store.metric_table(model, _START, _END, metrics, segment=None)
    for row in _rows(frame):
        yield MetricPoint(
            model,
            row["metric"],
            row["start_time"].to_pydatetime(),
            row["end_time"].to_pydatetime(),
            int(row["count"]),
            float(row["total"]),
            float(row["total_of_squares"]),
            int(row["version"]),
            row["segment"],
            row["details"],
        )


def _histories(rows: Iterable[Observation]) -> Iterator[list[Observation]]:
    for _, history in groupby(rows, key=lambda row: row.time):
        yield list(history)


def _known_histories(
    store: Store, series: str, some: list[list[Observation]]
) -> Iterator[tuple[datetime, list[Observation]]]:
    wanted = {history[0].time for history in some}
    for history in _histories(store.observation_history(series)):
        if history[0].time in wanted:
            yield history[0].time, history


def _facts(history: Iterable[Observation]) -> list[object]:
    return [(row.value, row.received_time) for row in history]


def as_forecasts(series: str, frame: pd.DataFrame) -> Iterator[Forecast]:
    """Yield the forecasts that a frame of ``Store.forecasts`` has the steps of, by model and issue time."""
    ordered = frame.sort_values(["model", "issue_time", "valid_time"])
    for (model, issue_time, version), steps in groupby(
        _rows(ordered), key=lambda row: (row["model"], row["issue_time"], _whole_or_none(row["version"]))
    ):
        yield Forecast(series, model, issue_time.to_pydatetime(), tuple(map(_step, steps)), version)


def _forecasts(store: Store, series: str) -> Iterator[Forecast]:
    return as_forecasts(series, store.forecasts(series, _START, _END))


def _step(row: dict[str, Any]) -> ForecastStep:
    bounds = {name: _number_or_none(row[name]) for name in ("lower_80", "upper_80", "lower_95", "upper_95")}
    return ForecastStep(row["valid_time"].to_pydatetime(), float(row["value"]), **bounds)


def _rows(frame: pd.DataFrame) -> Iterator[dict[str, Any]]:
    names = [str(name) for name in frame.columns]
    for row in frame.itertuples(index=False, name=None):
        yield dict(zip(names, row, strict=True))


def _number_or_none(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)


def _whole_or_none(value: Any) -> int | None:
    return None if pd.isna(value) else int(value)


def _batches(rows: Iterable[_T]) -> Iterator[list[_T]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, _BATCH_ROWS)):
        yield batch
