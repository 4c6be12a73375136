"""The first system's tables on a real MariaDB: its SQL finds what the store has."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from pydantic import SecretStr

from forecasting_jobs.response_time.create_tables_mariaDB import TABLES, VIEWS, create_tables
from forecasting_jobs.response_time.hour import hourly_job
from forecasting_jobs.response_time.metric_data import HOUR
from forecasting_jobs.response_time.metrics import ART, series_name
from forecasting_jobs.response_time.parts import Parts, make_parts
from forecasting_jobs.response_time.seed_tables import fill_tables
from ml_core.clock import FixedClock
from ml_core.jobs.runner import ExitCode, run_job
from ml_core.records import Forecast, ForecastStep, Observation
from ml_core.store.opening import open_store
from ml_core.store.side_tables import SideTable
from tests.factories import NOON
from tests.mariadb import MariaDbServer, new_server

Select = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def server() -> Iterator[MariaDbServer]:
    """A server of this module's own."""
    server = new_server()
    yield server
    server.remove()


@pytest.fixture
def url(server: MariaDbServer) -> str:
    """The URL of an empty database."""
    return server.new_database()


@pytest.fixture
def in_mariadb(parts: Parts, url: str, clock: FixedClock) -> Iterator[Parts]:
    """The parts on an empty database."""
    store = open_store(url)
    yield make_parts(parts.settings.model_copy(update={"store_url": SecretStr(url)}), store, clock)
    store.close()


@pytest.fixture
def select(server: MariaDbServer, url: str) -> Select:
    """Run a statement as a dashboard would."""
    return lambda statement: server.execute(f"USE {url.rsplit('/', 1)[1]}", statement)


def test_two_hours_are_found_by_the_first_systems_sql(in_mariadb: Parts, select: Select, clock: FixedClock) -> None:
    for number in range(2):
        clock.time = NOON + timedelta(hours=number, minutes=5)
        assert run_job(hourly_job(in_mariadb), in_mariadb.store, clock) == ExitCode.DONE
    store, series = in_mariadb.store, in_mariadb.series
    hour = "DATETIMESTAMP_ID = '2026-11-20 12:00:00'"
    ((actual, first_hour, second_hour),) = select(
        f"SELECT ART_SN00, pred_ART_1H, pred_ART_2H FROM predicted_df WHERE {hour}"
    )
    steps = store.forecasts(series, NOON, NOON + HOUR)
    assert actual == store.observations(series, NOON, NOON + HOUR)["value"].item()
    assert [first_hour, second_hour] == [steps["value"].item(), None]
    assert select(f"SELECT rmse_1H, rmse_2H FROM track_metrics_hourly WHERE {hour}") == [
        (abs(actual - first_hour), None)
    ]
    south_africa = select("SELECT pred_ART_1H FROM vw_predicted_df WHERE DATETIMESTAMP_ID = '2026-11-20 14:00:00'")
    assert south_africa == [(first_hour,)]
    errors = select(f"SELECT model, AbsoluteError FROM vw_model_performance_dashboard WHERE {hour} ORDER BY model")
    assert errors[0] == ("1H", pytest.approx(abs(actual - first_hour)))
    assert [model for model, _ in errors] == [f"{step}H" for step in range(1, 7)]
    bullets = select(
        "SELECT reference, hour, hour_int, Percentile_60 <= Percentile_99 FROM bullet_chart"
        " WHERE current_hour = '2026-11-20 12:00:00' AND servername = 'ABP' ORDER BY reference"
    )
    assert bullets == [("1 Month", "12:00", 12, 1), ("6 Month", "12:00", 12, 1), ("7 Days", "12:00", 12, 1)]
    before = select("SELECT COUNT(*) FROM predicted_df")
    assert fill_tables(in_mariadb, NOON + HOUR) is not None
    assert select("SELECT COUNT(*) FROM predicted_df") == before


def test_a_prediction_keeps_its_first_value_and_large_numbers_fit(in_mariadb: Parts, select: Select) -> None:
    for value in (12345.6, 7.0):
        step = ForecastStep(NOON, value)
        in_mariadb.store.put_forecast(Forecast(in_mariadb.series, in_mariadb.model, NOON - HOUR, (step,)))
        fill_tables(in_mariadb, NOON)
    assert select("SELECT pred_ART_1H FROM predicted_df") == [(12345.6,)]


def test_the_sheets_are_found_by_the_first_systems_sql(in_mariadb: Parts, select: Select) -> None:
    store = in_mariadb.store
    for server in ("ABP", "ABPServer1"):
        rows = [Observation(NOON - number * HOUR, float(number), NOON) for number in range(1, 24 * 9)]
        store.record_observations(series_name("ABP", server, ART), rows)
    said = ForecastStep(NOON - HOUR, 12.5)
    store.put_forecast(Forecast(in_mariadb.series, in_mariadb.model, NOON - 3 * HOUR, (said,)))
    fill_tables(in_mariadb, NOON, hours=24 * 9)
    last = "Datetimestamp_ID = '2026-11-20 11:00:00'"
    assert select(
        f"SELECT servername, value, hour, `2H`, `1H` FROM ART_plots_df WHERE {last} AND reference = '7 Days'"
    ) == [("ABP", 1.0, "11:00", 12.5, None)]
    assert select("SELECT MIN(Datetimestamp_ID), COUNT(*) FROM ART_plots_df WHERE reference = '7 Days'") == [
        (datetime(2026, 11, 13, 12), 24 * 7)
    ]
    same_hour = "servername = 'ABPServer1' AND hour = '11:00' AND metric = 'Avg Response time'"
    assert select(f"SELECT reference, COUNT(*) FROM server_plots_df WHERE {same_hour} GROUP BY 1 ORDER BY 1") == [
        ("1 Month", 9),
        ("6 Month", 9),
        ("7 Days", 7),
    ]
    days_before = [24 * day + 1 for day in range(1, 8)]
    assert select(
        f"SELECT 50_Percentile, 75_Percentile, 90_Percentile, Mean FROM server_quantiles WHERE {same_hour}"
        " AND reference = '7 Days'"
    ) == [pytest.approx((*np.percentile(days_before, [50, 75, 90]), np.mean(days_before)))]
    assert select(
        "SELECT servername, Percentile_99 FROM bullet_df WHERE current_hour = '2026-11-20 11:00:00'"
        " AND reference = '7 Days' ORDER BY 1"
    ) == [(server, pytest.approx(np.percentile(days_before, 99), rel=1e-5)) for server in ("ABP", "ABPServer1")]
    assert select("SELECT COUNT(DISTINCT hour) FROM server_quantiles") == [(24,)]
    fill_tables(in_mariadb, NOON + HOUR)
    assert select("SELECT MIN(Datetimestamp_ID) FROM server_plots_df WHERE reference = '7 Days'") == [
        (datetime(2026, 11, 13, 13),)
    ]


def test_the_command_makes_all_tables_and_may_be_called_twice(
    in_mariadb: Parts, url: str, select: Select, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ML_STORE_URL", url)
    for _ in range(2):
        result = CliRunner().invoke(create_tables, catch_exceptions=False)
        assert result.exit_code == 0
        assert result.output == "6 tables and 4 views are there, with 0 rows\n"
    there = {name for (name,) in select("SHOW TABLES")}
    assert {table.name for table in TABLES} | set(VIEWS) <= there
    assert in_mariadb.store.list_series() == []


def test_without_a_mariadb_there_is_nothing_to_make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ML_STORE_URL", f"json:///{tmp_path / 'store'}")
    result = CliRunner().invoke(create_tables, catch_exceptions=False)
    assert result.exit_code == 0 and "names no MariaDB" in result.output


def test_a_name_that_is_not_one_of_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match=re.escape("expected letters, digits and '_'")):
        SideTable("a; DROP TABLE b", {"c": "number"})
    with pytest.raises(ValueError, match="model_versions is a table of the store's own"):
        SideTable("model_versions", {"c": "number"})
