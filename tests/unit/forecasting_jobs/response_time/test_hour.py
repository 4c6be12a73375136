"""No hour is lost: twice, late or killed in the middle, it comes to the same rows."""

from __future__ import annotations

import signal
from datetime import timedelta
from pathlib import Path
from typing import Any

from forecasting_jobs.response_time.hour import NAME, hourly_job
from forecasting_jobs.response_time.parts import Parts
from forecasting_jobs.response_time.simulate_controller import SimulatedController
from ml_core.clock import FixedClock
from ml_core.jobs.runner import ExitCode, run_job
from tests.factories import NOON
from tests.hours_world import dying_hours, opened_hours
from tests.unit.forecasting_jobs.response_time.conftest import Begun

_STORE = "ml_core.store.json_store:JsonStore"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FIRST = NOON + timedelta(minutes=5)


def run(parts: Parts) -> ExitCode:
    return run_job(hourly_job(parts), parts.store, parts.clock)


def rows(parts: Parts) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows that hours make, without the times at which they were made."""
    start, end = NOON - 90 * DAY, NOON + 90 * DAY
    found: dict[str, list[tuple[Any, ...]]] = {}
    for series in parts.store.list_series():
        frame = parts.store.observations(series, start, end)
        found[series] = list(frame[["time", "value"]].itertuples(index=False, name=None))
    steps = parts.store.forecasts(parts.series, start, end)
    found["forecasts"] = list(steps.itertuples(index=False, name=None))
    points = parts.store.metric_table(parts.model, start, end, segment=None).drop(columns="details")
    found["metric points"] = list(points.itertuples(index=False, name=None))
    return found


def test_hours_that_were_missed_come_to_the_rows_of_an_undisturbed_run(begun: Begun, clock: FixedClock) -> None:
    parts = begun("punctual", clock)
    for number in range(1, 6):
        clock.time = FIRST + number * HOUR
        assert run(parts) == ExitCode.DONE
    other_clock = FixedClock(FIRST + 5 * HOUR)
    other = begun("late", other_clock)
    assert run(other) == ExitCode.DONE
    assert rows(other) == rows(parts)
    messages = [run.message or "" for run in other.store.list_runs(NAME, newest=10)]
    assert len(messages) == 6
    assert [message.endswith("hours late") for message in messages] == [False, True, True, True, True, False]
    assert len(set(rows(parts)["forecasts"])) == 36


def test_an_hour_that_is_done_is_not_done_again(
    begun: Begun, clock: FixedClock, controller: SimulatedController
) -> None:
    clock.time = FIRST + HOUR
    parts = begun("twice", clock)
    assert run(parts) == ExitCode.DONE
    before, asked = rows(parts), controller.questions
    assert asked
    clock.advance(timedelta(minutes=20))
    assert run(parts) == ExitCode.DONE
    assert rows(parts) == before
    assert controller.questions == asked


def test_an_hour_that_failed_says_why_and_is_made_good(
    begun: Begun, clock: FixedClock, controller: SimulatedController
) -> None:
    clock.time = FIRST + HOUR
    parts = begun("failing", clock)
    controller.faults.extend(["xml"] * 16)
    assert run(parts) == ExitCode.FAILED
    newest = parts.store.list_runs(NAME, newest=1)[0]
    assert newest.state == "failed"
    assert "XML or HTML" in (newest.message or "") and "and 13 more" in (newest.message or "")
    clock.advance(timedelta(minutes=10))
    assert run(parts) == ExitCode.DONE
    assert len(parts.store.observations(parts.series, NOON - DAY, NOON + DAY)) == 25


def test_a_run_that_was_killed_in_any_step_is_made_good_to_the_same_rows(
    begun: Begun, clock: FixedClock, controller: SimulatedController, tmp_path: Path
) -> None:
    other_clock = FixedClock(FIRST)
    other = begun("undisturbed", other_clock)
    for number in range(1, 4):
        other_clock.time = clock.time = FIRST + number * HOUR
        assert run(other) == ExitCode.DONE
    kills = [("record_observations", 3), ("put_forecast", 1), ("put_metric_points", 2), ("finish_run", 1)]
    folder = tmp_path / "killed"
    with (
        opened_hours(folder, f"json:///{folder / 'store'}", controller, clock) as parts,
        dying_hours(parts) as die,
    ):
        for number, (method, call) in enumerate(kills):
            clock.time = FIRST + number * HOUR
            assert die(clock.time, f"{_STORE}.{method}", str(call)) == -signal.SIGKILL
            assert run(parts) == ExitCode.HELD_ELSEWHERE  # the dead one's lease has not run out
            clock.advance(timedelta(minutes=3))
            assert run(parts) == ExitCode.DONE
        assert rows(parts) == rows(other)
