"""The first system's tables on a real MariaDB: its SQL finds what the store has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from pydantic import SecretStr

from forecasting_jobs.response_time.create_tables_mariaDB import TABLES, VIEWS, create_tables
from forecasting_jobs.response_time.hour import hourly_job
from forecasting_jobs.response_time.metric_data import HOUR
from forecasting_jobs.response_time.metrics import ALL_METRICS, ART, series_name
from forecasting_jobs.response_time.parts import Parts, make_parts
from forecasting_jobs.response_time.seed_tables import fill_tables
from ml_core.clock import FixedClock
from ml_core.jobs.runner import ExitCode, run_job
from ml_core.records import Forecast, ForecastStep, Observation
from ml_core.store.opening import open_store
from tests.factories import NOON
from tests.hours_world import HISTORY_DAYS, opened_hours, running_controller
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
    return lambda statement: server.execute(f"USE {url.rsplit('/', 1)[1]}_art", statement)


@pytest.fixture(scope="module")
def eight_hours(server: MariaDbServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Parts, Select]]:
    """What eight hours from noon on have left, and the way to ask for it; tests only read it."""
    clock, url = FixedClock(NOON), server.new_database()
    with (
        running_controller(clock) as controller,
        opened_hours(tmp_path_factory.mktemp("hours"), url, controller, clock) as parts,
    ):
        for number in range(8):
            clock.time = NOON + timedelta(hours=number, minutes=5)
            assert run_job(hourly_job(parts), parts.store, clock) == ExitCode.DONE
        yield parts, lambda statement: server.execute(f"USE {url.rsplit('/', 1)[1]}_art", statement)


def test_actual_values_predictions_and_errors_are_found_by_the_first_systems_sql(
    eight_hours: tuple[Parts, Select],
) -> None:
    parts, select = eight_hours
    hour = "DATETIMESTAMP_ID = '2026-11-20 12:00:00'"
    ((actual, first_hour, second_hour),) = select(
        f"SELECT ART_SN00, pred_ART_1H, pred_ART_2H FROM predicted_df WHERE {hour}"
    )
    steps = parts.store.forecasts(parts.series, NOON, NOON + HOUR)
    assert actual == parts.store.observations(parts.series, NOON, NOON + HOUR)["value"].item()
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
    assert fill_tables(parts, NOON + 8 * HOUR) is not None
    assert select("SELECT COUNT(*) FROM predicted_df") == before


def test_each_of_the_28_metrics_has_a_table_with_what_the_controller_says(eight_hours: tuple[Parts, Select]) -> None:
    parts, select = eight_hours
    for metric in ALL_METRICS:
        assert select(f"SELECT COUNT(*), COUNT(DISTINCT servername) FROM {metric}") == [
            (2 * (HISTORY_DAYS * 24 + 7), 2)
        ]
    eleven = "servername = 'ABP' AND Datetimestamp_ID = '2026-11-20 11:00:00'"
    ((*given, remainder, path, value),) = select(
        "SELECT metricId > 0, metricsummary, frequency, starttimeinmillis, min <= value, value <= max, count > 60,"
        f" sum / count - value, metricPath, value FROM {ART} WHERE {eleven}"
    )
    start = round((NOON - HOUR).timestamp() * 1000)
    assert given == [1, 0, "SIXTY_MIN", start, 1, 1, 1]
    assert float(remainder) == pytest.approx(0, abs=1e-4)
    assert path.endswith("ABP|Average Response Time (ms)")
    assert value == parts.store.observations(parts.series, NOON - HOUR, NOON)["value"].item()
    assert select(f"SELECT metricsummary FROM avg_response_time_summary_ms WHERE {eleven}") == [(1,)]


def test_the_log_of_fetches_has_what_came_first_and_then_each_hour(eight_hours: tuple[Parts, Select]) -> None:
    _, select = eight_hours
    for metric in (ART, "socket_reads"):
        logged = select(
            "SELECT max_dt, records_inserted, last_available_dt = max_dt, etl_insertion_dt FROM tab_max_dates"
            f" WHERE table_name = '{metric}' ORDER BY max_dt"
        )
        assert [(time.hour, rows, same) for time, rows, same, _ in logged] == [
            (11, 2 * HISTORY_DAYS * 24, 1),
            *((hour, 2, 1) for hour in range(12, 19)),
        ]
        assert [time.hour for *_, time in logged] == list(range(12, 20))


def test_an_hour_is_flagged_once_its_value_and_all_six_predictions_are_there(
    eight_hours: tuple[Parts, Select],
) -> None:
    _, select = eight_hours
    whole = select(
        "SELECT DATETIMESTAMP_ID FROM predicted_df WHERE ART_SN00 IS NOT NULL AND pred_ART_6H IS NOT NULL ORDER BY 1"
    )
    assert [time.hour for (time,) in whole] == [17, 18]
    for metric in (ART, "socket_writes_summary"):
        flagged = f"SELECT DISTINCT Datetimestamp_ID FROM {metric} WHERE predicted_flag = 'Y' ORDER BY 1"
        assert select(flagged) == whole
        assert select(f"SELECT DISTINCT predicted_flag FROM {metric} ORDER BY 1") == [("N",), ("Y",)]


def test_what_was_trained_and_what_is_served_is_found_by_hours_ahead(eight_hours: tuple[Parts, Select]) -> None:
    parts, select = eight_hours
    found = parts.store.list_versions(parts.model)
    served = select(
        "SELECT modeltype, file_path FROM model_versions WHERE (modeltype, etl_insertion_dt) IN"
        " (SELECT modeltype, MAX(etl_insertion_dt) FROM model_versions GROUP BY modeltype) ORDER BY modeltype"
    )
    champion = parts.registry.champion(parts.registry.find(parts.model))
    assert champion is not None
    assert served == [(f"{step}H", champion.artifact) for step in range(1, 7)]
    tracked = select("SELECT remarks, COUNT(*), MIN(rmse) > 0, MAX(r2) <= 100 FROM track_metrics GROUP BY remarks")
    assert sorted(tracked) == [
        (remarks, 6 * len(found), 1, 1) for remarks in ("baseline test", "baseline validation", "train set")
    ]
    ((name, rows),) = select(
        "SELECT modelname, cnt_records FROM track_metrics JOIN model_versions USING (modelname, modeltype)"
        " WHERE remarks = 'baseline validation' AND modeltype = '6H'"
    )
    assert rows == 6 and name.endswith(f"_6H_model_20261120_1205_v{champion.number}")


def test_features_and_their_limits_are_there_for_each_hour(eight_hours: tuple[Parts, Select]) -> None:
    _, select = eight_hours
    lags = "ART_SN00_L1H, ART_SN01_L6H, CPM_SN00_L2H_MA12, VSLW_SN01_L1H_MA3"
    newest = select(f"SELECT {lags} FROM transformed_df ORDER BY DATETIMESTAMP_ID DESC LIMIT 20")
    assert len(newest) == 20 and all(None not in row for row in newest)
    assert select("SELECT COUNT(*) FROM columns_transform_specs WHERE outlier_cutoff > 0") == [(2 * 6,)]


def offset_to(time: datetime) -> str:
    seconds = round((time - datetime.now(UTC)).total_seconds())
    return f"{'-' if seconds < 0 else ''}PT{abs(seconds)}S"


def test_what_was_fetched_into_another_store_is_found_in_the_tables_after_create_tables(
    in_mariadb: Parts, url: str, select: Select, monkeypatch: pytest.MonkeyPatch
) -> None:
    for metric, server in ((ART, "ABP"), ("socket_reads", "ABPServer1")):
        series = series_name("ABP", server, metric)
        in_mariadb.store.record_observations(series, [Observation(NOON - HOUR, 12345.6, NOON)])
    monkeypatch.setenv("ML_STORE_URL", url)
    monkeypatch.setenv("ML_CLOCK_OFFSET", offset_to(NOON + timedelta(minutes=7)))
    assert CliRunner().invoke(create_tables, catch_exceptions=False).exit_code == 0
    assert select("SELECT servername, value, metricId, predicted_flag FROM socket_reads") == [
        ("ABPServer1", 12345.6, None, "N")
    ]
    assert select("SELECT table_name, records_inserted FROM tab_max_dates ORDER BY table_name") == [
        (ART, 1),
        ("socket_reads", 1),
    ]
    assert select("SELECT ART_SN00, ART_SN01 FROM transformed_df") == [(12345.6, None)]


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
        assert result.output == "39 tables and 4 views are there, with 0 rows\n"
    there = {name for (name,) in select("SHOW TABLES")}
    assert {table.name for table in TABLES} | set(VIEWS) <= there
    assert "predictions" not in there  # the store's own tables are in its own database
    assert in_mariadb.store.list_series() == []


def test_without_a_mariadb_there_is_nothing_to_make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ML_STORE_URL", f"json:///{tmp_path / 'store'}")
    result = CliRunner().invoke(create_tables, catch_exceptions=False)
    assert result.exit_code == 0 and "names no MariaDB" in result.output
