"""``create-tables``: the first system's tables in MariaDB, so that its dashboards' SQL still runs.

Names and columns are the first system's, with keys, and numbers as DOUBLE; times are UTC. They are filled from the
store by every ``refresh``, which does not read them, and lie in a database of their own on its server, since it has a
``model_versions`` with other columns. With another store there is nothing to make.
"""  # noqa: N999 - the first system's name

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import click

from forecasting_jobs.response_time.metric_data import HOUR
from forecasting_jobs.response_time.metric_tables import FETCH_LOG, METRIC_TABLES, fill_metric_tables
from forecasting_jobs.response_time.parts import Parts, opened_parts
from forecasting_jobs.response_time.sheet_tables import HORIZONS, SHEET_TABLES
from forecasting_jobs.response_time.transformed_table import SPECS, TRANSFORMED
from forecasting_jobs.response_time.version_tables import TRACKED, VERSIONS
from ml_core.store.side_tables import SideTable, SideTables, open_side_tables

PREDICTED = SideTable(
    "predicted_df",
    {"DATETIMESTAMP_ID": "time", "ART_SN00": "number", **{f"pred_ART_{horizon}": "number" for horizon in HORIZONS}},
)
ERRORS = SideTable(
    "track_metrics_hourly",
    {"DATETIMESTAMP_ID": "time", "actual": "number", **{f"rmse_{horizon}": "number" for horizon in HORIZONS}},
)
TABLES = (
    PREDICTED,
    ERRORS,
    TRANSFORMED,
    SPECS,
    TRACKED,
    VERSIONS,
    FETCH_LOG,
    *METRIC_TABLES.values(),
    *SHEET_TABLES,
)

_COLUMNS = ", ".join(["ART_SN00", *(f"pred_ART_{horizon}" for horizon in HORIZONS)])
_NEWEST = "SELECT * FROM predicted_df WHERE ART_SN00 IS NOT NULL ORDER BY DATETIMESTAMP_ID DESC LIMIT 720"
VIEWS = {
    # South Africa, where the first system was at home, is two hours ahead of UTC all year.
    "vw_predicted_df": f"SELECT DATETIMESTAMP_ID + INTERVAL 2 HOUR AS DATETIMESTAMP_ID, {_COLUMNS} FROM predicted_df",
    "vw_model_performance_abp": "SELECT DATETIMESTAMP_ID, "
    + ", ".join(f"ABS(ART_SN00 - pred_ART_{horizon}) AS AbsoluteError_{horizon}" for horizon in HORIZONS)
    + f" FROM ({_NEWEST}) AS newest",
    "vw_model_performance_dashboard": " UNION ALL ".join(
        f"SELECT DATETIMESTAMP_ID, '{horizon}' AS model, AbsoluteError_{horizon} AS AbsoluteError"
        " FROM vw_model_performance_abp"
        for horizon in HORIZONS
    ),
    "bullet_chart": f"SELECT bullet_df.*, {_COLUMNS} FROM bullet_df"
    " JOIN predicted_df ON predicted_df.DATETIMESTAMP_ID = bullet_df.current_hour",
}


def make_tables(tables: SideTables, *, anew: bool = False) -> None:
    """Make the tables and views that are missing, all views if ``anew``; raise ``StoreUnavailable``."""
    tables.create(TABLES, VIEWS, anew=anew)


@contextmanager
def opened_tables(parts: Parts) -> Iterator[SideTables | None]:
    """Open the tables beside the store, with those made that are missing; None if it is not on a MariaDB."""
    tables = open_side_tables(parts.settings.store_url.get_secret_value(), parts.section.tables_database)
    if tables is None:
        yield None
        return
    with closing(tables):
        make_tables(tables)
        yield tables


@click.command("create-tables")
def create_tables() -> None:
    """Make the first system's tables in MariaDB, and fill them with all that is known."""
    from forecasting_jobs.response_time.seed_tables import fill_tables
    from ml_core.commands import plain_errors

    with plain_errors(), opened_parts() as parts:
        until, hours = parts.finished(parts.clock.now()), parts.section.history_days * 24
        with opened_tables(parts) as tables:
            if tables is None:
                click.echo("nothing is to be made: the setting store_url names no MariaDB, or tables_database nothing")
                return
            make_tables(tables, anew=True)
            rows = fill_metric_tables(parts, tables, until - hours * HOUR, until)
        rows += fill_tables(parts, until, hours=hours) or 0
        click.echo(f"{len(TABLES)} tables and {len(VIEWS)} views are there, with {rows:,} rows")
