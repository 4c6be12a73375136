"""The first system's tables behind its sheets: bullets, the main server's plots, quantiles and plots of all.

Hours of the day are told apart by ``hour``, so a dashboard chooses one by SQL. A value is in ``..._plots_df`` once for
each reference that it is young enough for; what has become too old for one is removed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from forecasting_jobs.response_time.metric_data import HOUR
from forecasting_jobs.response_time.parts import Parts
from forecasting_jobs.response_time.sheet_documents import COLUMNS, LABELS, quantile_rows
from forecasting_jobs.response_time.sheet_values import REFERENCES, SheetReader, SheetValues
from ml_core.store.side_tables import SideTable, SideTables

HORIZONS = ("6H", "5H", "4H", "3H", "2H", "1H")
BULLETS = SideTable(
    "bullet_df",
    {
        "current_hour": "time",
        "reference": "text",
        "servername": "text",
        "hour": "text",
        "hour_int": "count",
        **{f"Percentile_{percentile}": "number" for percentile in (60, 75, 90, 99)},
    },
    keys=3,
)
ART_PLOTS = SideTable(
    "ART_plots_df",
    {
        "Datetimestamp_ID": "time",
        "servername": "text",
        "reference": "text",
        "value": "number",
        "hour": "text",
        **dict.fromkeys(HORIZONS, "number"),
    },
    keys=3,
)
SERVER_QUANTILES = SideTable(
    "server_quantiles",
    {
        "reference": "text",
        "metric": "text",
        "servername": "text",
        "hour": "text",
        **{f"{percentile}_Percentile": "number" for percentile in (50, 75, 90)},
        "Mean": "number",
    },
    keys=4,
)
SERVER_PLOTS = SideTable(
    "server_plots_df",
    {
        "Datetimestamp_ID": "time",
        "servername": "text",
        "reference": "text",
        "metric": "text",
        "value": "number",
        "hour": "text",
    },
    keys=4,
)
SHEET_TABLES = (BULLETS, ART_PLOTS, SERVER_QUANTILES, SERVER_PLOTS)

_HEALED_HOURS = 7
"""As many hours are written again by each run: values that came late have changed them."""
Row = dict[str, Any]


def fill_sheets(
    tables: SideTables, parts: Parts, reader: SheetReader, until: datetime, hours: int | None = None
) -> int:
    """Write the rows of the newest hour, or of so many hours before ``until``; return how many.

    Raises ``StoreUnavailable``.
    """
    values = [reader.until(until - number * HOUR) for number in range((hours or 1) - 1, -1, -1)]
    newest = values[-1]
    quantiles = [row for hour in newest.hours[-min(hours or 1, 24) :] for row in _quantiles(newest, hour)]
    start = until - (hours or _HEALED_HOURS) * HOUR
    written = 0
    for table, rows in (
        (BULLETS, [row for each in values for row in _bullets(each)]),
        (SERVER_QUANTILES, quantiles),
        (ART_PLOTS, _with_predictions(parts, newest, start)),
    ):
        tables.put(table, rows)
        written += len(rows)
    for server in range(len(newest.servers)):  # one after the other: of half a year they are many
        rows = list(_plots(newest, server, start))
        tables.put(SERVER_PLOTS, rows)
        written += len(rows)
    for reference, days in REFERENCES.items():
        for table in (ART_PLOTS, SERVER_PLOTS):
            tables.remove_before(table, "Datetimestamp_ID", until - timedelta(days=days), {"reference": reference})
    return written


def _bullets(values: SheetValues) -> Iterator[Row]:
    hour = values.hours[-1]
    for row in _named(quantile_rows(values, hour, metrics=values.metrics[:1])):
        yield {
            "current_hour": hour,
            "reference": row["reference"],
            "servername": row["server"],
            "hour": f"{hour:%H:%M}",
            "hour_int": hour.hour,
            **{f"Percentile_{percentile}": row[f"percentile_{percentile}"] for percentile in (60, 75, 90, 99)},
        }


def _quantiles(values: SheetValues, hour: datetime) -> Iterator[Row]:
    for row in _named(quantile_rows(values, hour)):
        yield {
            "reference": row["reference"],
            "metric": LABELS[row["metric"]],
            "servername": row["server"],
            "hour": f"{hour:%H:%M}",
            **{f"{percentile}_Percentile": row[f"percentile_{percentile}"] for percentile in (50, 75, 90)},
            "Mean": row["mean"],
        }


def _named(rows: Sequence[Sequence[Any]]) -> Iterator[Row]:
    return (dict(zip(COLUMNS, row, strict=True)) for row in rows)


def _with_predictions(parts: Parts, values: SheetValues, start: datetime) -> list[Row]:
    """Return the main server's response times, with what was said of each one to six hours before."""
    steps = parts.store.forecasts(
        parts.series, start, values.until, model=parts.model, issued_before=values.until - HOUR
    )
    said: dict[datetime, Row] = {}
    for time, issued, value in zip(steps["valid_time"], steps["issue_time"], steps["value"], strict=True):
        said.setdefault(time.to_pydatetime(), {})[f"{(time - issued) // HOUR}H"] = float(value)
    rows = []
    for row in _plots(values, 0, start):
        if row.pop("metric") == LABELS[values.metrics[0]]:
            known = said.get(row["Datetimestamp_ID"], {})
            rows.append({**row, **{horizon: known.get(horizon) for horizon in HORIZONS}})
    return rows


def _plots(values: SheetValues, server: int, start: datetime) -> Iterator[Row]:
    """Yield the values of a server from ``start`` on, once for each reference that they belong to."""
    hours = (values.until - start) // HOUR
    for place, metric in enumerate(values.metrics):
        numbers = values.values[server, place].reshape(-1)[-hours:]
        first = values.until - len(numbers) * HOUR
        for at in np.flatnonzero(np.isfinite(numbers)):
            time = first + int(at) * HOUR
            for reference, days in REFERENCES.items():
                if time >= values.until - timedelta(days=days):
                    yield {
                        "Datetimestamp_ID": time,
                        "servername": values.servers[server],
                        "reference": reference,
                        "metric": LABELS[metric],
                        "value": float(numbers[at]),
                        "hour": f"{time:%H:%M}",
                    }
