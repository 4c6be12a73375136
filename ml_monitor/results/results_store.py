"""What a check has measured, as metric points of the store: how results are written, and read back for pages and APIs.

A point's metric is ``<chunk>/<group>/<name>``, for drift and quality also ``/<column>``: ``day/performance/roc_auc``,
``1000/drift/jensen_shannon/rooms``. Its sums weigh the value by the chunk's rows, so that points merge into longer
windows; the exact value, its error, thresholds and verdicts are in the details.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from ml_core.records import MetricPoint
from ml_core.store.base import Store
from ml_core.store.names import MAX_NAME_CHARACTERS, unfit_name
from ml_monitor.monitoring.results import Measured, Number, Undefined

Group = Literal["performance", "estimate", "drift", "quality", "labels", "metric"]
GROUPS: tuple[Group, ...] = ("performance", "estimate", "drift", "quality", "labels")
"""What checks measure themselves; a result of group metric is a point that another part of the suite has written."""
EVALUATIONS = "evaluations"
"""The kind of documents that remember what checks have seen of each model."""
_HASH_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class Result:
    """One metric of one chunk. ``verdicts`` are what the rules said of it: by rule, state, bounds and their origin.

    ``segment_by`` is the feature by which its ``segment`` was cut, "" for all rows. ``details`` are plain values behind
    the number, where there are any: the confusion matrix of an accuracy, the calibration curve of its error.
    """

    chunk: str
    group: Group
    name: str
    column: str
    segment: str
    start_time: datetime
    end_time: datetime
    rows: int
    value: Number
    standard_error: float | None = None
    p_value: float | None = None
    versions: tuple[int, ...] = ()
    verdicts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    segment_by: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def metric(self) -> str:
        """The name of its metric in the store."""
        return metric_name(self.chunk, self.group, self.name, self.column)


def evaluation_key(model: str) -> str:
    """Return the key of the document that remembers what checks have seen of a model."""
    return f"model {model}"


def is_checked(store: Store, model: str) -> bool:
    """Return whether a check of a model has ever run to its end, whatever it found."""
    return store.get_document(EVALUATIONS, evaluation_key(model)) is not None


def metric_name(chunk: str, group: Group, name: str, column: str = "") -> str:
    """Return the name under which a metric is stored; where a column is no fit part of it, a hash stands at its end."""
    return fit_name("/".join((chunk, group, name, column) if column else (chunk, group, name)))


def segment_name(segment: str) -> str:
    """Return the name under which a segment is stored: itself or, where a store has no room for it, with a hash."""
    return fit_name(segment) if segment else segment


def fit_name(name: str) -> str:
    """Return a name that every store takes: categories and features are named by clients, so at any length."""
    if unfit_name(name) is None:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_HASH_CHARACTERS]
    shown = "".join(letter if letter.isprintable() else "?" for letter in name)
    return f"{shown[: MAX_NAME_CHARACTERS - _HASH_CHARACTERS - 1].strip()}~{digest}"


def result_of(
    measured: Measured, *, chunk: str, group: Group, name: str, start_time: datetime, end_time: datetime, **more: Any
) -> Result:
    """Return the result for a measured value."""
    return Result(
        chunk=chunk,
        group=group,
        name=name,
        column=more.pop("column", ""),
        segment=more.pop("segment", ""),
        start_time=start_time,
        end_time=end_time,
        rows=int(measured.rows),
        value=measured.value if isinstance(measured.value, Undefined) else float(measured.value),
        standard_error=_plain(measured.standard_error),
        p_value=_plain(getattr(measured, "p_value", None)),
        **more,
    )


def _plain(number: float | None) -> float | None:
    """Return a number as Python's own, since numpy's are no JSON."""
    return None if number is None else float(number)


def point_of(model: str, result: Result) -> MetricPoint:
    """Return a result as a metric point; one without a value counts nothing."""
    value = result.value
    details: dict[str, Any] = {
        "rows": result.rows,
        "column": result.column,
        "segment": result.segment,
        "segment_by": result.segment_by,
        "standard_error": result.standard_error,
        "p_value": result.p_value,
        "versions": list(result.versions),
        "verdicts": {rule: dict(verdict) for rule, verdict in result.verdicts.items()},
        "notes": list(result.notes),
        **({"details": dict(result.details)} if result.details else {}),
    }
    if isinstance(value, Undefined):
        details["undefined"] = value.reason
        count, number = 0, 0.0
    else:
        details["value"] = number = float(value)
        count = max(1, result.rows)
        if not math.isfinite(number * number * count):  # sums that no store takes: the value stands in the details
            count, number = 0, 0.0
    return MetricPoint(
        model,
        result.metric,
        result.start_time,
        result.end_time,
        count,
        number * count,
        number * number * count,
        segment=segment_name(result.segment),
        details=details,
    )


def read_results(
    store: Store,
    model: str,
    group: Group,
    start: datetime,
    end: datetime,
    *,
    chunk: str = "day",
    segment: str | None = "",
    names: frozenset[str] | None = None,
    columns: frozenset[str] | None = None,
) -> list[Result]:
    """Return the results of chunks that start in ``start <= time < end``, by metric, time and segment.

    ``segment`` "" is that of all rows, None stands for every segment; ``names`` and ``columns`` ("" for metrics that
    are of none) bound which metrics are read.
    """
    found = read_groups(store, model, {group: names}, start, end, chunk=chunk, segment=segment)
    return found if columns is None else [result for result in found if result.column in columns]


def read_groups(
    store: Store,
    model: str,
    wanted: Mapping[Group, frozenset[str] | None],
    start: datetime,
    end: datetime,
    *,
    chunk: str = "day",
    segment: str | None = "",
) -> list[Result]:
    """Return the results of several groups, read in one go: of each the metrics named, or for None all of them."""
    stored = None if segment is None else segment_name(segment)
    points = store.metric_points(model, prefixes_of(wanted, chunk), start, end, segment=stored)
    return results_of(points, wanted)


def prefixes_of(wanted: Mapping[Group, frozenset[str] | None], chunk: str = "day") -> list[str]:
    """Return how the names of the metrics begin that ``read_groups`` reads."""
    return [f"{chunk}/{group}/{name}" for group, names in wanted.items() for name in ([""] if names is None else names)]


def results_of(points: Iterable[MetricPoint], wanted: Mapping[Group, frozenset[str] | None]) -> list[Result]:
    """Return the points of the groups and metrics that are wanted as results; others are passed over."""
    found = []
    for point in points:
        chunk, group, *rest = point.metric.split("/", 3)
        if group in wanted and rest:
            names = wanted[group]  # type: ignore[index]
            if names is None or rest[0] in names:  # one name may begin with another
                found.append(_result(chunk, group, rest[0], point))  # type: ignore[arg-type]
    return found


def list_chunkings(store: Store, model: str) -> list[str]:
    """Return how the results of a model are cut into chunks: ``day``, ``1000``."""
    parts = (metric.split("/", 2) for metric in store.list_metrics(model))
    return sorted({each[0] for each in parts if len(each) == 3 and each[1] in GROUPS})


def _result(chunk: str, group: Group, name: str, point: MetricPoint) -> Result:
    details = point.details
    undefined = details.get("undefined")
    return Result(
        chunk,
        group,
        name,
        details["column"],
        details["segment"],
        point.start_time,
        point.end_time,
        details["rows"],
        Undefined(undefined) if undefined is not None else details["value"],
        details["standard_error"],
        details["p_value"],
        tuple(details["versions"]),
        details["verdicts"],
        tuple(details["notes"]),
        details["segment_by"],
        details.get("details", {}),
    )
