"""Some hours under a real cron with MariaDB, one of them killed: the rows are those of an undisturbed run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from forecasting_jobs.response_time.controller_config import TOKEN_PATH
from forecasting_jobs.response_time.hour import NAME
from forecasting_jobs.response_time.parts import Parts, make_parts
from ml_core.clock import Clock
from ml_core.config import load_settings, project_root
from ml_core.processes import free_port
from ml_core.records import JobRun
from ml_core.store.opening import open_store
from tests.e2e.cron import installed
from tests.factories import NOON
from tests.mariadb import MariaDbServer, new_server
from tests.processes import eventually, own_folders
from tests.unit.forecasting_jobs.response_time.test_hour import rows

HOUR = timedelta(hours=1)
HOURS = 5
FULL_MINUTE = timedelta(minutes=1)
PAST = timedelta(minutes=10)
LONGEST_SECONDS = 240  # cron begins at a full minute
OLD_TABLES = ("predicted_df", "track_metrics_hourly", "bullet_df", "bullet_chart", "vw_model_performance_dashboard")


class World:
    """A database with its settings in a file, as cron's jobs get them, and the store and rows that are in it."""

    def __init__(self, folder: Path, database: MariaDbServer, controller_port: int) -> None:
        folder.mkdir()
        self.folder = folder
        self.database, self.url = database, database.new_database()
        credentials = {"client_id": "suite@simulator", "client_secret": "only-for-tests"}
        address = f"http://127.0.0.1:{controller_port}{TOKEN_PATH}"
        (folder / "controller.yml").write_text(yaml.safe_dump({"client_creds": credentials | {"geturl": address}}))
        line = "* * * * * python -m forecasting_jobs response-time hourly"
        (folder / "crontab").write_text(f"# {NAME}: do the hour\n{line}\n")
        self.config = folder / "the settings.yaml"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("ML_")}
        self.environment = inherited | {"ML_CONFIG": str(self.config)}
        self.set_time(NOON + PAST)
        self.store = open_store(self.url)

    def set_time(self, time: datetime) -> None:
        """Let the next full minute of the machine be this time for what is called then."""
        minute = Clock().now().replace(second=0, microsecond=0) + FULL_MINUTE
        content: dict[str, Any] = {
            "store_url": self.url,
            "artifacts_folder": str(self.folder / "artifacts"),
            "log_folder": str(self.folder / "log"),
            "crontab": str(self.folder / "crontab"),
            "clock_offset": int((time - minute).total_seconds()),
            "response_time": {"config_file": str(self.folder / "controller.yml"), "history_days": 14},
        }
        beside = self.folder / "new.yaml"
        beside.write_text(yaml.safe_dump(content))
        beside.replace(self.config)  # cron may read it at any time

    def start(self, word: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "forecasting_jobs", "response-time", word],
            env=self.environment,
            cwd=project_root(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def runs(self) -> list[JobRun]:
        return self.store.list_runs(NAME, newest=50)

    def done(self) -> list[JobRun]:
        return [run for run in self.runs() if run.state == "done"]

    def parts(self) -> Parts:
        return make_parts(load_settings(self.environment), self.store, Clock())

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return all rows that hours make, in the store and in the first system's tables, and how each hour ended."""
        found = rows(self.parts())
        name = self.url.rsplit("/", 1)[1]
        for table in OLD_TABLES:
            found[table] = sorted(self.database.execute(f"SELECT * FROM {name}_art.{table}"), key=repr)
        found["hours"] = [(run.slot,) for run in self.done()]
        return found

    def newest_hour(self) -> datetime | None:
        times = self.store.observations(self.parts().series, NOON - HOUR, NOON + 24 * HOUR)["time"]
        return None if times.empty else times.iloc[-1].to_pydatetime()


def assert_done(process: subprocess.Popen[str]) -> None:
    """Wait until a process has ended well."""
    _, told = process.communicate(timeout=LONGEST_SECONDS)
    assert process.returncode == 0, told


@contextmanager
def made_up_controller(folder: Path) -> Iterator[int]:
    """The simulator as people start it, a day ahead, so that it has all points of the hours that are asked for."""
    port = free_port()
    environment = own_folders(folder) | {
        "ML_CLOCK_OFFSET": f"-PT{int((Clock().now() - NOON - 24 * HOUR).total_seconds())}S",
        "ML_RESPONSE_TIME__CLIENT_SECRET": "only-for-tests",
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ML_")}
    command = [sys.executable, "-m", "forecasting_jobs", "response-time", "simulate-controller", "--port", str(port)]
    with (folder / "controller.log").open("wb") as log:
        process = subprocess.Popen(command, env=inherited | environment, cwd=project_root(), stdout=log, stderr=log)
    try:
        eventually(lambda: b"answers at" in (folder / "controller.log").read_bytes() or process.poll() is not None, 60)
        assert process.poll() is None, (folder / "controller.log").read_text()
        yield port
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def database() -> Iterator[MariaDbServer]:
    server = new_server()
    yield server
    server.remove()


def test_hours_under_cron_with_one_killed_come_to_the_rows_of_an_undisturbed_run(
    tmp_path: Path, database: MariaDbServer
) -> None:
    with made_up_controller(tmp_path) as port:
        world, other = World(tmp_path / "with cron", database, port), World(tmp_path / "undisturbed", database, port)
        with closing(world.store), closing(other.store):
            for process in [each.start("hourly") for each in (world, other)]:
                assert_done(process)

            # Two hours later cron begins, and is killed when the first values are stored and nothing is forecast yet.
            world.set_time(NOON + 2 * HOUR + PAST)
            with installed(tmp_path, world.environment) as told:
                eventually(lambda: world.newest_hour() != NOON - HOUR, LONGEST_SECONDS)
                killed = world.runs()[-1]
                assert killed.state == "running"
                os.kill(int(killed.holder.rsplit(":", 1)[1]), signal.SIGKILL)
                world.set_time(NOON + (HOURS - 1) * HOUR + PAST)
                for number in range(1, HOURS):  # meanwhile, each hour at its own time, where nobody disturbs
                    other.set_time(NOON + number * HOUR + PAST)
                    assert_done(other.start("hourly"))
                eventually(lambda: len(world.done()) == HOURS, LONGEST_SECONDS)
            assert "written: cron calls the jobs from now on" in told.read_text()
            done = world.done()
            assert next(run for run in done if run.slot == killed.slot).fence == 2  # it was taken up again
            assert [(run.message or "").endswith("hours late") for run in done] == [False, True, True, True, False]
            expected, found = other.rows(), world.rows()
            assert list(found) == list(expected)
            for name, content in expected.items():
                assert found[name] == content, name
            assert len(set(found["forecasts"])) == HOURS * 6
            assert found["predicted_df"] and found["bullet_chart"]
            log = (tmp_path / "with cron" / "log" / f"{NAME}.log").read_text()
            assert "Killed" in log
