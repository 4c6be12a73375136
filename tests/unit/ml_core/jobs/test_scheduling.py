"""The schedule as a real process: it calls jobs, finishes what runs when told to end, and shares the work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ml_core.config import project_root
from ml_core.jobs.cron_times import parse_cron
from ml_core.jobs.scheduling import CronTrigger
from ml_core.store.json_store import JsonStore
from tests.processes import eventually

# No command of the suite lasts as long as a test wants it to: this stands for one where jobs run.
SLOW = """
import pathlib, sys, time
folder = pathlib.Path(sys.argv[1])
with (folder / "started").open("a") as file: file.write("x")
while not (folder / "go").exists(): time.sleep(0.05)
(folder / "ended").touch()
print("ended well")
"""
# Cron's times without the wait for the next minute: a call is due each second. Jobs run in a folder of the test.
HURRIED = """
import pathlib, sys
from datetime import timedelta
from forecasting_jobs.__main__ import main
from ml_core.jobs import cron_times, scheduling
cron_times.CronTimes.next_after = lambda self, time, zone=None: time + timedelta(seconds=1)
scheduling.project_root = lambda: pathlib.Path(sys.argv[1])
main(["schedule"])
"""


def test_a_trigger_fires_when_cron_would() -> None:
    start = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
    trigger = CronTrigger(parse_cron("*/5 * * * *"))
    assert trigger.get_next_fire_time(None, start) == start + timedelta(minutes=5)
    assert trigger.get_next_fire_time(start - timedelta(minutes=5), start) == start
    mondays = CronTrigger(parse_cron("* * * * 1")).get_next_fire_time(None, start)
    assert mondays is not None and mondays.astimezone().isoweekday() == 1


@contextmanager
def schedule(folder: Path, lines: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A schedule in a hurry over a crontab of its own, until the block ends."""
    (folder / "crontab").write_text(lines)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ML_")}
    process = subprocess.Popen(
        [sys.executable, "-c", HURRIED, str(folder)],
        env=inherited
        | {
            "ML_STORE_URL": f"json:///{folder / 'store'}",
            "ML_LOG_FOLDER": str(folder / "the logs"),
            "ML_CRONTAB": str(folder / "crontab"),
            "PYTHONPATH": str(project_root()),
            **environment,
        },
        cwd=project_root(),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_jobs_are_called_with_a_history_and_their_output_where_cron_would_put_it(
    tmp_path: Path, json_store: JsonStore
) -> None:
    line = "# count-all: count\n* * * * * python -m ml_core.jobs run count-all ml_core.store stats\n"
    with schedule(tmp_path, line) as process:
        eventually(lambda: "count-all" in json_store.list_jobs() and is_done(json_store, "count-all"), 60)
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "calling count-all, run-requested" in told and "no job runs any more" in told
    assert "predictions" in (tmp_path / "the logs" / "count-all.log").read_text()
    assert (tmp_path / "the logs" / "run-requested.log").exists()


def test_when_told_to_end_it_finishes_what_runs_and_calls_no_more(tmp_path: Path) -> None:
    (tmp_path / "cloudwatch_engine.py").write_text(SLOW)
    with schedule(tmp_path, f"# slow: wait\n* * * * * python -m cloudwatch_engine {tmp_path}\n") as process:
        eventually(lambda: (tmp_path / "started").exists(), 60)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGTERM)  # who is impatient gets no other end
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(3)
        (tmp_path / "go").touch()
        _, told = process.communicate(timeout=60)
    assert process.returncode == 0, told
    assert (tmp_path / "ended").exists()
    assert (tmp_path / "started").read_text() == "x"  # once: a job that still runs is not called again
    assert "Traceback" not in told


def test_a_job_that_fails_is_told_with_its_log_and_the_others_go_on(tmp_path: Path) -> None:
    (tmp_path / "cloudwatch_engine.py").write_text("import sys; sys.exit('it broke')\n")
    with schedule(tmp_path, "# broken: fail\n* * * * * python -m cloudwatch_engine\n") as process:
        eventually(lambda: (tmp_path / "the logs" / "run-requested.log").exists(), 60)
        eventually(lambda: "it broke" in (tmp_path / "the logs" / "broken.log").read_text(), 60)
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=60)
    assert f"broken ended with 1; {tmp_path}/the logs/broken.log says why" in told


def test_jobs_that_their_app_calls_are_left_to_it(tmp_path: Path) -> None:
    with schedule(tmp_path, "", ML_CRONTAB="", ML_JOBS__OFF="ART_forecasting,response-time-train") as process:
        eventually(lambda: (tmp_path / "the logs" / "run-requested.log").exists(), 60)
        process.send_signal(signal.SIGTERM)
        told = process.communicate(timeout=60)[1].splitlines()
    assert "their app calls cloudwatch-fetch, cloudwatch-forecast, cloudwatch-train, cloudwatch-report" in told[0]
    assert "calling monitor-check, store-retain" in told[1]
    assert "cloudwatch-fetch" not in told[1] and "cloudwatch-retrain" in told[1] and "ART" not in told[1]


def is_done(store: JsonStore, job: str) -> bool:
    return any(run.state == "done" for run in store.list_runs(job, newest=50))
