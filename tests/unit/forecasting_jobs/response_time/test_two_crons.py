"""Two crons at once, on one machine or two: each hour is done once, and the rows are those of one."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

from forecasting_jobs.response_time.hour import NAME
from forecasting_jobs.response_time.parts import Parts
from forecasting_jobs.response_time.simulate_controller import SimulatedController
from ml_core.clock import Clock, FixedClock
from ml_core.config import project_root
from ml_core.jobs.runner import ExitCode
from tests.unit.forecasting_jobs.response_time.test_hour import FIRST, HOUR, beside, rows, run


def test_two_crons_at_once_do_each_hour_once_and_come_to_the_rows_of_one(
    parts: Parts, clock: FixedClock, controller: SimulatedController, tmp_path: Path
) -> None:
    other_clock = FixedClock(FIRST)
    other = beside(parts, tmp_path, other_clock)
    for number in range(4):
        other_clock.time = clock.time = FIRST + number * HOUR
        assert run(other) == ExitCode.DONE
        assert number or run(parts) == ExitCode.DONE  # the first hour trains; the others are for the two

    controller.faults.extend(["slow"] * 4)  # so that the first of the two is at work when the second begins
    offset = clock.now() + timedelta(minutes=5) - Clock().now()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ML_")},
        "ML_STORE_URL": parts.settings.store_url.get_secret_value(),
        "ML_ARTIFACTS_FOLDER": parts.settings.artifacts_folder,
        "ML_RESPONSE_TIME__CONFIG_FILE": parts.section.config_file,
        "ML_RESPONSE_TIME__HISTORY_DAYS": str(parts.section.history_days),
        "ML_CLOCK_OFFSET": f"-PT{-int(offset.total_seconds())}S",
    }
    command = [sys.executable, "-m", "forecasting_jobs", "response-time", "hourly"]
    crons = [
        subprocess.Popen(command, env=environment, cwd=project_root(), stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    told = [cron.communicate(timeout=120)[1] for cron in crons]
    assert {cron.returncode for cron in crons} <= {ExitCode.DONE, ExitCode.HELD_ELSEWHERE}, told
    assert any("is held elsewhere" in text for text in told), told  # they did meet

    runs = parts.store.list_runs(NAME, newest=50)
    assert [(run.slot, run.state, run.fence) for run in runs] == [
        (FIRST + number * HOUR, "done", 1) for number in range(4)
    ]
    assert rows(parts) == rows(other)
    other.store.close()
