"""Fills the first system's tables from what the store keeps."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from forecasting_jobs.response_time.create_tables_mariaDB import ERRORS, PREDICTED, opened_tables
from forecasting_jobs.response_time.metric_data import HOUR
from forecasting_jobs.response_time.metric_tables import flag_predicted
from forecasting_jobs.response_time.parts import Parts
from forecasting_jobs.response_time.sheet_tables import HORIZONS, fill_sheets
from forecasting_jobs.response_time.sheet_values import SheetReader
from forecasting_jobs.response_time.transformed_table import transformed
from forecasting_jobs.response_time.version_tables import versions
from ml_core.store.side_tables import Rows

_RECENT_HOURS = 72
_HEALED_HOURS = 24  # a value that came late changes the limits of the day after it
_PREDICTIONS = tuple(f"pred_ART_{horizon}" for horizon in HORIZONS)
Row = dict[str, Any]


def fill_tables(
    parts: Parts, until: datetime, *, hours: int | None = None, reader: SheetReader | None = None
) -> int | None:
    """Write what is new as of ``until``, or so many hours before it; return how many rows, None without a MariaDB.

    A prediction that is there stays the first; actual values follow the store, which corrects what came late.
    """
    start = until - (hours or _RECENT_HOURS) * HOUR
    with opened_tables(parts) as tables:
        if tables is None:
            return None
        predicted = _predicted(parts, start, until)
        errors = [_errors(row) for row in predicted if row["ART_SN00"] is not None]
        filled = [Rows(PREDICTED, predicted, _PREDICTIONS), Rows(ERRORS, errors), *versions(parts)]
        tables.put_together(filled)
        written = sum(len(batch.rows) for batch in filled)
        since = until - (hours or _HEALED_HOURS + parts.section.overlap_hours) * HOUR
        reader = reader or SheetReader(parts, until)
        written += fill_sheets(tables, parts, reader, until, hours)
        for batch in transformed(reader.until(until), since, parts.section.main_server):
            tables.put_together([batch])
            written += len(batch.rows)
        flag_predicted(tables, start, PREDICTED.name, ("ART_SN00", *_PREDICTIONS))
    return written


def _predicted(parts: Parts, start: datetime, until: datetime) -> list[Row]:
    rows: dict[datetime, Row] = {}
    actual = parts.store.observations(parts.series, start, until)
    for time, value in zip(actual["time"], actual["value"], strict=True):
        rows[time.to_pydatetime()] = {"ART_SN00": float(value)}
    steps = parts.store.forecasts(
        parts.series, start, until + len(HORIZONS) * HOUR, model=parts.model, issued_before=until
    )
    for time, issued, value in zip(steps["valid_time"], steps["issue_time"], steps["value"], strict=True):
        horizon = f"{(time - issued) // HOUR}H"
        if horizon in HORIZONS:
            rows.setdefault(time.to_pydatetime(), {})[f"pred_ART_{horizon}"] = float(value)
    names = ("ART_SN00", *_PREDICTIONS)
    return [{"DATETIMESTAMP_ID": time, **{name: row.get(name) for name in names}} for time, row in sorted(rows.items())]


def _errors(row: Row) -> Row:
    found: Row = {"DATETIMESTAMP_ID": row["DATETIMESTAMP_ID"], "actual": row["ART_SN00"]}
    for horizon in HORIZONS:
        said = row[f"pred_ART_{horizon}"]
        found[f"rmse_{horizon}"] = None if said is None else math.fabs(row["ART_SN00"] - said)
    return found
