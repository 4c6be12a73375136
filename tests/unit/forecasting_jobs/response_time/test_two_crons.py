"""Two crons at once, on one machine or two: each hour is done once, and the rows are those of one."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

from forecasting_jobs.response_time.hour import NAME
from forecasting_jobs.response_time.simulate_controller import SimulatedController
from ml_core.clock import Clock, FixedClock
from ml_core.config import project_root
from ml_core.jobs.runner import ExitCode
from tests.hours_world import environment_of
from tests.unit.forecasting_jobs.response_time.conftest import Begun
from tests.unit.forecasting_jobs.response_time.test_hour import FIRST, HOUR, rows, run


def test_two_crons_at_once_do_each_hour_once_and_come_to_the_rows_of_one(
    begun: Begun, clock: FixedClock, controller: SimulatedController
) -> None:
    other_clock = FixedClock(FIRST)
    other, parts = begun("undisturbed", other_clock), begun("two", clock)
    for number in range(1, 4):
        other_clock.time = clock.time = FIRST + number * HOUR
        assert run(other) == ExitCode.DONE

    controller.faults.extend(["slow"] * 4)  # so that the first of the two is at work when the second begins
    offset = clock.now() + timedelta(minutes=5) - Clock().now()
    environment = environment_of(parts) | {"ML_CLOCK_OFFSET": f"-PT{-int(offset.total_seconds())}S"}
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
