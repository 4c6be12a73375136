"""No hour is lost on a MariaDB: killed in any step, or done by two at once, it comes to the rows of one run alone."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from forecasting_jobs.response_time.create_tables_mariaDB import TABLES
from forecasting_jobs.response_time.hour import NAME, hourly_job
from forecasting_jobs.response_time.parts import Parts
from forecasting_jobs.response_time.simulate_controller import SimulatedController
from ml_core.clock import FixedClock, format_time
from ml_core.config import project_root
from ml_core.jobs.runner import ExitCode, run_job
from tests.factories import NOON
from tests.hours_world import DYING_HOUR, dying_hours, environment_of, opened_hours, running_controller
from tests.mariadb import MariaDbServer, new_server

Rows = dict[str, list[tuple[Any, ...]]]
HOUR = timedelta(hours=1)
FIRST = NOON + timedelta(minutes=5)
STORE = "ml_core.store.sql_store:SqlStore"
TABLE = "ml_core.store.side_tables:SideTables"
KILLS = (
    # in the first fetch: between servers, in the middle of the tables' transaction, between tables and note
    (f"{STORE}.record_observations", "3", "before"),
    ("ml_core.store.side_tables:_upsert", "15", "before"),
    (f"{STORE}.put_document", "2", "before"),
    # the forecast: its warnings are there and it is not, it is there and nothing that follows is
    (f"{STORE}.put_forecast", "1", "before"),
    (f"{STORE}.put_forecast", "1", "after"),
    # the refresh, and the tables of the sheets, of features and the flags
    (f"{STORE}.put_metric_points", "2", "before"),
    (f"{TABLE}.put_together", "6", "after"),
    (f"{TABLE}.run", "1", "before"),
    # all is there, but nobody knows
    (f"{STORE}.finish_run", "1", "before"),
)
DEATHS = [KILLS[:3], *((kill,) for kill in KILLS[3:])]
"""The kills by the hour in which they fall."""
WITHOUT_INSERTION = ("etl_insertion_dt", "file_path")
_MINUTE_OF_TRAINING = re.compile(r"_\d{8}_\d{4}_")


@pytest.fixture(scope="module")
def server() -> Iterator[MariaDbServer]:
    """A server of this module's own."""
    server = new_server()
    yield server
    server.remove()


@pytest.fixture(scope="module")
def controller() -> Iterator[SimulatedController]:
    """A controller whose clock is ahead of all that is asked of it: no hour depends on it."""
    with running_controller(FixedClock(NOON + 30 * HOUR)) as running:
        yield running


@contextmanager
def world(server: MariaDbServer, controller: SimulatedController, folder: Path) -> Iterator[Parts]:
    """Open a world that differs from others in nothing but its database, folder and clock."""
    with opened_hours(folder, server.new_database(), controller, FixedClock(FIRST)) as parts:
        yield parts


@pytest.fixture(scope="module")
def expected(
    server: MariaDbServer, controller: SimulatedController, tmp_path_factory: pytest.TempPathFactory
) -> list[Rows]:
    """The rows after one hour, two hours, and so on, of one run alone that does each at its time."""
    found = []
    with world(server, controller, tmp_path_factory.mktemp("undisturbed")) as parts:
        for number in range(len(DEATHS)):
            assert run(parts, FIRST + number * HOUR) == ExitCode.DONE
            found.append(rows(server, parts))
    return found


def run(parts: Parts, time: datetime) -> ExitCode:
    assert isinstance(parts.clock, FixedClock)
    parts.clock.time = time
    return run_job(hourly_job(parts), parts.store, parts.clock)


def start(parts: Parts, time: datetime) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(DYING_HOUR), format_time(time)],
        env=environment_of(parts),
        cwd=project_root(),
        stderr=subprocess.PIPE,
        text=True,
    )


def rows(server: MariaDbServer, parts: Parts) -> Rows:
    """Return all rows of the first system's tables, and those of the store that hours make, without insertion times."""
    database = parts.settings.store_url.get_secret_value().rsplit("/", 1)[1]
    found: dict[str, list[tuple[Any, ...]]] = {}
    for table in TABLES:
        columns = ", ".join(f"`{name}`" for name in table.columns if name not in WITHOUT_INSERTION)
        kept = server.execute(f"SELECT {columns} FROM {database}_art.{table.name} ORDER BY {columns}")
        found[table.name] = [tuple(_without_minute(value) for value in row) for row in kept]
    span = (NOON - 90 * 24 * HOUR, NOON + 90 * 24 * HOUR)
    for series in parts.store.list_series():
        frame = parts.store.observations(series, *span)
        found[series] = list(frame[["time", "value"]].itertuples(index=False, name=None))
    found["forecasts"] = list(parts.store.forecasts(parts.series, *span).itertuples(index=False, name=None))
    points = parts.store.metric_table(parts.model, *span, segment=None).drop(columns="details")
    found["metric points"] = list(points.itertuples(index=False, name=None))
    for kind in parts.store.document_kinds():
        found[kind] = [
            (document.key, {**document.content, "fetched_time": None, "time": None, "who": None})
            for document in parts.store.list_documents(kind)
        ]
    return found


def _without_minute(value: Any) -> Any:
    return _MINUTE_OF_TRAINING.sub("_then_", value) if isinstance(value, str) else value


def assert_same(found: Rows, expected: Rows) -> None:
    assert found.keys() == expected.keys()
    assert [name for name in expected if found[name] != expected[name]] == []


def test_a_run_that_is_killed_in_any_step_comes_to_the_rows_of_one_that_was_not(
    server: MariaDbServer, controller: SimulatedController, expected: list[Rows], tmp_path: Path
) -> None:
    with world(server, controller, tmp_path) as disturbed, dying_hours(disturbed) as die:
        for number, kills in enumerate(DEATHS):
            time = FIRST + number * HOUR
            for attempt, kill in enumerate(kills):
                assert die(time + attempt * timedelta(minutes=3), *kill) == -signal.SIGKILL, kill
            assert run(disturbed, time + timedelta(minutes=1)) == ExitCode.HELD_ELSEWHERE  # the lease has not run out
            assert run(disturbed, time + len(kills) * timedelta(minutes=3)) == ExitCode.DONE
        found = rows(server, disturbed)
    assert len(expected[-1]["forecasts"]) == 6 * len(DEATHS)
    assert all(expected[-1][table.name] for table in TABLES)
    assert_same(found, expected[-1])


def test_two_runs_at_once_come_to_the_rows_of_one(
    server: MariaDbServer, controller: SimulatedController, expected: list[Rows], tmp_path: Path
) -> None:
    with world(server, controller, tmp_path) as shared:
        for time in (FIRST, FIRST + 4 * HOUR):  # the first hour, and three that were missed with the one after
            both = [start(shared, time) for _ in range(2)]
            codes = []
            for process in both:
                said = process.communicate(timeout=300)[1]
                codes.append(process.returncode)
                assert "Traceback" not in said
            assert ExitCode.FAILED not in codes
            assert set(codes) <= {ExitCode.DONE, ExitCode.HELD_ELSEWHERE}
            assert run(shared, time + timedelta(minutes=3)) == ExitCode.DONE
        found = rows(server, shared)
    assert len(found["forecasts"]) == 6 * 5
    assert_same(found, expected[4])


def test_hours_made_good_together_come_to_the_rows_of_hours_done_one_by_one(
    server: MariaDbServer, controller: SimulatedController, expected: list[Rows], tmp_path: Path
) -> None:
    with world(server, controller, tmp_path) as late:
        for number in (0, 3):
            assert run(late, FIRST + number * HOUR) == ExitCode.DONE
        assert_same(rows(server, late), expected[3])


def test_tables_that_cannot_be_had_fail_the_hour_and_keep_nothing_else_back(
    server: MariaDbServer, controller: SimulatedController, tmp_path: Path
) -> None:
    name = server.new_database().rsplit("/", 1)[1]
    user = "'narrow'@'127.0.0.1'"
    server.execute(f"CREATE USER {user} IDENTIFIED BY 'only-for-tests'", f"GRANT ALL ON {name}.* TO {user}")
    url = f"mysql+pymysql://narrow:only-for-tests@127.0.0.1:{server.port}/{name}"
    with opened_hours(tmp_path, url, controller, FixedClock(FIRST)) as parts:
        assert run(parts, FIRST) == ExitCode.FAILED
        (failed,) = parts.store.list_runs(NAME, newest=9)
        assert failed.message == (
            f"the database {name}_art is not there, and this user may not make it: create it, with all rights for it"
        )
        assert len(parts.store.forecasts(parts.series, NOON, NOON + 6 * HOUR)) == 6
        server.execute(f"CREATE DATABASE {name}_art", f"GRANT ALL ON {name}_art.* TO {user}")
        assert run(parts, FIRST + timedelta(minutes=10)) == ExitCode.DONE
        assert server.execute(f"SELECT COUNT(*) FROM {name}_art.predicted_df WHERE pred_ART_1H IS NOT NULL") == [(1,)]
        assert server.execute(f"SELECT COUNT(*) > 0 FROM {name}_art.socket_reads") == [(1,)]
