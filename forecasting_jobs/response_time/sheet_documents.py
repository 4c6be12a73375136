"""What the monitor reads of the sheets besides series, forecasts and metric points, as documents that any store keeps.

=========================== ========================= ==============================================================
kind                        key                       content
=========================== ========================= ==============================================================
response-time-applications  application               which servers and metrics there are, what is forecast, of when
response-time-quantiles     application/hour of a day ``columns`` and ``rows``: percentiles and mean of the days before
=========================== ========================= ==============================================================

A row of quantiles is of one server, metric and reference; ``time`` is the start of the hour that it was made for. The
time of a document never goes back: an hour that is made good late leaves a newer one as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import numpy as np

from forecasting_jobs.response_time.metrics import MAIN_METRICS, series_name
from forecasting_jobs.response_time.parts import Parts
from forecasting_jobs.response_time.sheet_values import REFERENCES, SheetValues, means_known, quantiles_known
from forecasting_jobs.response_time.train_model import HORIZON
from ml_core.clock import format_time, parse_time

APPLICATIONS = "response-time-applications"
QUANTILES = "response-time-quantiles"
LABELS: Mapping[str, str] = dict(
    zip(
        MAIN_METRICS,
        ("Avg Response time", "Calls/min", "Errors/min", "Exceptions/min", "#Slow Calls", "#Very Slow Calls"),
        strict=True,
    )
)
"""The first system's names of the metrics on its sheets."""

PERCENTILES = (50, 60, 75, 90, 99)
COLUMNS = ("server", "metric", "reference", "days", "mean", *(f"percentile_{each}" for each in PERCENTILES))
_LEVELS = tuple(percentile / 100 for percentile in PERCENTILES)
_DIGITS = 6


def quantile_rows(values: SheetValues, hour: datetime, metrics: Collection[str] = tuple(LABELS)) -> list[list[Any]]:
    """Return rows of ``COLUMNS`` for an hour of the last 24: what its hour of the day was like on the days before it.

    Servers, metrics and references without a value have none. ``metrics`` are the first of ``values.metrics``.
    """
    rows: list[list[Any]] = []
    for reference in REFERENCES:
        before = values.before(reference, hour)[:, : len(metrics)]
        counts = np.isfinite(before).sum(axis=-1)
        numbers = np.concatenate(
            [means_known(before)[None], quantiles_known(before, tuple(p / 100 for p in PERCENTILES))]
        )
        for server, metric in np.argwhere(counts > 0):
            found = [float(f"{number:.{_DIGITS}g}") for number in numbers[:, server, metric]]
            names = [values.servers[server], values.metrics[metric], reference]
            rows.append([*names, int(counts[server, metric]), *found])
    return rows


def put_documents(parts: Parts, values: SheetValues) -> int:
    """Store what has changed as of ``values.until``; return how many documents that were.

    In the steady state these are two; the first time all hours of the day. Of two processes at once one may leave its
    documents to the other, which does the same. Raises ``StoreUnavailable``.
    """
    application = parts.section.application
    found = parts.store.get_document(APPLICATIONS, application)
    done_until = parse_time(found.content["until_time"]) if found else None
    revisions = parts.store.document_revisions(QUANTILES)
    written = 0
    for hour in values.hours:
        key = f"{application}/{hour:%H}"
        if done_until is None or hour >= done_until or key not in revisions:
            content = {"time": format_time(hour), "columns": list(COLUMNS), "rows": quantile_rows(values, hour)}
            written += _put(parts, QUANTILES, key, content, revisions.get(key))
    if done_until is None or values.until > done_until:  # last: where it is, all of it is
        revision = found.revision if found else None
        written += _put(parts, APPLICATIONS, application, _application(parts, values), revision)
    return written


def _application(parts: Parts, values: SheetValues) -> dict[str, Any]:
    application = parts.section.application
    return {
        "until_time": format_time(values.until),
        "main_server": parts.section.main_server,
        "servers": list(values.servers),
        "metrics": [{"metric": metric, "label": LABELS[metric]} for metric in values.metrics],
        "series": {
            server: {metric: series_name(application, server, metric) for metric in values.metrics}
            for server in values.servers
        },
        "references": [{"reference": name, "days": days} for name, days in REFERENCES.items()],
        "model": parts.model,
        "horizon": HORIZON,
    }


def _put(parts: Parts, kind: str, key: str, content: Mapping[str, Any], revision: int | None) -> bool:
    return parts.store.put_document(kind, key, content, expected_revision=revision) is not None
