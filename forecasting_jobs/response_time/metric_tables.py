"""The first system's 28 tables of metrics, a row a server and hour, and its log of what was fetched.

They are written with each fetch, before that is noted as done: a fetch that was killed is repeated, and then comes to
the rows of one that was not. ``predicted_flag`` is ``N`` until all is there that belongs to a row's hour: the actual
response time of the main server, and the six predictions of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from forecasting_jobs.response_time.metric_data import HOUR
from forecasting_jobs.response_time.metric_details import NUMBERS
from forecasting_jobs.response_time.metrics import ALL_METRICS, series_parts
from forecasting_jobs.response_time.parts import Parts
from forecasting_jobs.response_time.sources import Hours
from ml_core.store.side_tables import Rows, SideTable, SideTables

_NAMES = {"useRange": "userange"}
_GIVEN = ("metricId", "metricName", "metricPath", *(_NAMES.get(name, name) for name in NUMBERS))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ROWS_AT_ONCE = 20_000

METRIC_TABLES: Mapping[str, SideTable] = {
    metric: SideTable(
        metric,
        {
            "metricId": "integer",
            "metricsummary": "boolean",
            "metricName": "text",
            "metricPath": "text",
            "frequency": "text",
            "servername": "text",
            "starttimeinmillis": "integer",
            "occurrences": "integer",
            "current": "integer",
            "min": "integer",
            "max": "integer",
            "userange": "integer",
            "count": "integer",
            "sum": "integer",
            "value": "number",
            "Datetimestamp_ID": "time",
            "predicted_flag": "letter",
        },
        keys=("Datetimestamp_ID", "servername"),
    )
    for metric in ALL_METRICS
}
FETCH_LOG = SideTable(
    "tab_max_dates",
    {
        "max_dt": "time",
        "table_name": "text",
        "etl_insertion_dt": "time",
        "records_inserted": "count",
        "last_available_dt": "time",
    },
    keys=("table_name", "max_dt"),
)


class MetricTables:
    """Takes what a fetch brings to the tables; ``done`` writes what is left, and the log."""

    def __init__(self, tables: SideTables, now: datetime) -> None:
        self._tables, self._now = tables, now
        self._waiting: list[Rows] = []
        self._starts: dict[str, datetime] = {}

    def add(self, metric: str, hours: Hours) -> None:
        """Take the hours of a metric; raise ``StoreUnavailable``."""
        for is_known in (True, False):
            servers = [server for server in hours.values if (server in hours.details) is is_known]
            rows = [row for server in servers for row in _rows(metric, server, hours)]
            self._waiting.append(Rows(METRIC_TABLES[metric], rows, _kept(is_known)))
        times = [time for values in hours.values.values() for time in values]
        if times:
            self._starts[metric] = min([*times, self._starts.get(metric, times[0])])
        if sum(len(batch.rows) for batch in self._waiting) >= _ROWS_AT_ONCE:
            self._write()

    def done(self) -> None:
        """Write what waits, then the log of it; raise ``StoreUnavailable``."""
        self._write()
        log_fetched(self._tables, self._starts, self._now)

    def _write(self) -> None:
        self._tables.put_together(self._waiting)
        self._waiting.clear()


def fill_metric_tables(parts: Parts, tables: SideTables, start: datetime, until: datetime) -> int:
    """Write what the store has of ``start <= hour < until``, and return how many rows; of its hours it has the value.

    What a controller has said besides is only known to the fetch that brought it, and stays where it is.
    """
    taken, written = MetricTables(tables, parts.clock.now()), 0
    for series in parts.store.list_series():
        found = series_parts(series, parts.section.application)
        if found is None:
            continue
        server, metric = found
        frame = parts.store.observations(series, start, until)
        times = [time.to_pydatetime() for time in frame["time"]]
        taken.add(metric, Hours({server: dict(zip(times, map(float, frame["value"]), strict=True))}))
        written += len(times)
    taken.done()
    return written


def log_fetched(tables: SideTables, starts: Mapping[str, datetime], now: datetime) -> None:
    """Log what was fetched of each metric from its start on: a row for all that came first, then one an hour."""
    first = dict(tables.select("SELECT table_name, MIN(max_dt) FROM tab_max_dates GROUP BY table_name"))
    rows: list[dict[str, Any]] = []
    for metric, start in starts.items():
        if metric in first:
            since = max(f"{start:%F %T}", f"{first[metric]:%F %T}")
            found = tables.select(
                f"SELECT Datetimestamp_ID, COUNT(*) FROM {metric} WHERE Datetimestamp_ID >= '{since}'"
                f" AND Datetimestamp_ID > '{first[metric]:%F %T}' GROUP BY Datetimestamp_ID"
            )
        else:
            found = tables.select(f"SELECT MAX(Datetimestamp_ID), COUNT(*) FROM {metric} HAVING COUNT(*) > 0")
        rows += [_log_row(metric, time.replace(tzinfo=UTC), count, now) for time, count in found]
    tables.put(FETCH_LOG, rows, keep_first=("etl_insertion_dt",))


def flag_predicted(tables: SideTables, start: datetime, predicted: str, complete: Sequence[str]) -> None:
    """Set ``predicted_flag`` where ``predicted`` has all columns ``complete`` of an hour from ``start`` on."""
    is_complete = " AND ".join(f"predicted.{column} IS NOT NULL" for column in complete)
    tables.run(
        *(
            f"UPDATE {metric} AS metric JOIN {predicted} AS predicted"
            " ON predicted.DATETIMESTAMP_ID = metric.Datetimestamp_ID SET metric.predicted_flag = 'Y'"
            f" WHERE metric.predicted_flag = 'N' AND metric.Datetimestamp_ID >= '{start:%F %T}' AND {is_complete}"
            for metric in METRIC_TABLES
        )
    )


def _kept(is_known: bool) -> tuple[str, ...]:
    return ("predicted_flag",) if is_known else ("predicted_flag", *_GIVEN)


def _rows(metric: str, server: str, hours: Hours) -> list[dict[str, Any]]:
    details = hours.details.get(server)
    # An hour is made of all its points, so it is one whatever the controller's resolution was.
    same = {
        "metricsummary": "_summary" in metric,
        "frequency": "SIXTY_MIN",
        "servername": server,
        "predicted_flag": "N",
        "metricId": details.metric_id if details else None,
        "metricName": details.name[:200] if details else None,
        "metricPath": details.path[:200] if details else None,
    }
    rows = []
    for time, value in hours.values[server].items():
        hour = (time - _EPOCH) // HOUR
        given = details.of_hour(hour) if details else {}
        numbers = {_NAMES.get(name, name): number for name, number in given.items()}
        start = {"starttimeinmillis": hour * 3_600_000, "Datetimestamp_ID": time}
        rows.append({**same, **start, **numbers, "value": value})
    return rows


def _log_row(metric: str, time: datetime, count: int, now: datetime) -> dict[str, Any]:
    return {
        "max_dt": time,
        "table_name": metric,
        "etl_insertion_dt": now,
        "records_inserted": count,
        "last_available_dt": time,
    }
