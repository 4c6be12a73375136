"""What a check has measured, as metric points of the store: how results are written, and read back for pages and APIs.

A point's metric is ``<chunk>/<group>/<name>``, for drift and quality also ``/<column>``: ``day/performance/roc_auc``,
``1000/drift/jensen_shannon/rooms``. Its sums weigh the value by the chunk's rows, so that points merge into longer
windows; the exact value, its error, thresholds and verdicts are in the details.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, get_args

from ml_core.records import MetricPoint
from ml_core.store.base import Store
from ml_core.store.names import MAX_NAME_CHARACTERS, unfit_name
from ml_monitor.monitoring.results import Measured, Number, Undefined

Group = Literal["performance", "estimate", "drift", "quality", "labels"]
GROUPS: tuple[Group, ...] = get_args(Group)


@dataclass(frozen=True, slots=True)
class Result:
    """One metric of one chunk. ``verdicts`` are what the rules said of it: by rule, state, bounds and their origin."""

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

    @property
    def metric(self) -> str:
        """The name of its metric in the store."""
        return metric_name(self.chunk, self.group, self.name, self.column)


def metric_name(chunk: str, group: Group, name: str, column: str = "") -> str:
    """Return the name under which a metric is stored.

    Of a column that is too long for it, or has characters that no name may have, what is left ends in a hash.
    """
    full = "/".join((chunk, group, name, column) if column else (chunk, group, name))
    if unfit_name(full) is None:
        return full
    digest = hashlib.sha256(column.encode()).hexdigest()[:16]
    readable = "".join(character for character in full if character.isprintable())
    return f"{readable[: MAX_NAME_CHARACTERS - len(digest) - 1]}~{digest}"


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
        rows=measured.rows,
        value=measured.value,
        standard_error=measured.standard_error,
        p_value=getattr(measured, "p_value", None),
        **more,
    )


def point_of(model: str, result: Result) -> MetricPoint:
    """Return a result as a metric point; one without a value counts nothing."""
    value = result.value
    details: dict[str, Any] = {
        "rows": result.rows,
        "column": result.column,
        "standard_error": result.standard_error,
        "p_value": result.p_value,
        "versions": list(result.versions),
        "verdicts": {rule: dict(verdict) for rule, verdict in result.verdicts.items()},
        "notes": list(result.notes),
    }
    if isinstance(value, Undefined):
        details["undefined"] = value.reason
        count, number = 0, 0.0
    else:
        details["value"] = number = float(value)
        count = max(1, result.rows)
    return MetricPoint(
        model,
        result.metric,
        result.start_time,
        result.end_time,
        count,
        number * count,
        number * number * count,
        segment=result.segment,
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
    column: str | None = None,
) -> list[Result]:
    """Return the results of chunks that start in ``start <= time < end``, by metric, time and segment.

    ``segment`` "" is that of all rows, None stands for every segment. ``names`` and ``column`` bound which metrics are
    read; the column "" is that of metrics of no single column.
    """
    prefix = f"{chunk}/{group}/"
    found = []
    for metric in store.list_metrics(model):
        if not metric.startswith(prefix):
            continue
        name = metric.removeprefix(prefix).partition("/")[0]
        if names is not None and name not in names:
            continue
        if column is not None and metric != metric_name(chunk, group, name, column):
            continue
        frame = store.metric_series(model, metric, start, end, segment=segment)
        for row in frame.itertuples(index=False):
            found.append(_result(chunk, group, name, row))
    return found


def list_chunkings(store: Store, model: str) -> list[str]:
    """Return how the results of a model are cut into chunks: ``day``, ``1000``."""
    return sorted({metric.partition("/")[0] for metric in store.list_metrics(model) if metric.count("/") >= 2})


def _result(chunk: str, group: Group, name: str, row: Any) -> Result:
    details = row.details
    undefined = details.get("undefined")
    return Result(
        chunk,
        group,
        name,
        details["column"],
        row.segment,
        row.start_time.to_pydatetime(),
        row.end_time.to_pydatetime(),
        details["rows"],
        Undefined(undefined) if undefined is not None else details["value"],
        details["standard_error"],
        details["p_value"],
        tuple(details["versions"]),
        details["verdicts"],
        tuple(details["notes"]),
    )
