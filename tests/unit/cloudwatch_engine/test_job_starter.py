"""The process that works off jobs: one at a time, and another if something was asked for meanwhile."""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path

import pytest

from cloudwatch_engine.job_starter import JobStarter
from tests.processes import eventually


def counting(folder: Path, seconds: float) -> tuple[str, ...]:
    """Return a command that leaves a file for each time it ran."""
    code = f"import pathlib, time, uuid; time.sleep({seconds}); pathlib.Path({str(folder)!r}, uuid.uuid4().hex).touch()"
    return (sys.executable, "-c", code)


def runs(folder: Path) -> int:
    return len(list(folder.iterdir()))


def test_it_runs_in_the_background_and_once_more_for_all_that_came_meanwhile(tmp_path: Path) -> None:
    starter = JobStarter(counting(tmp_path, 0.3))
    began = time.monotonic()
    starter.start()
    assert runs(tmp_path) == 0
    eventually(lambda: starter._process is not None)
    for _ in range(5):
        starter.start()
    eventually(lambda: starter._thread is None)
    assert runs(tmp_path) == 2
    assert time.monotonic() - began > 0.6  # one after the other


def test_it_can_be_started_again_when_it_has_ended(tmp_path: Path) -> None:
    starter = JobStarter(counting(tmp_path, 0))
    for number in (1, 2):
        starter.start()
        eventually(lambda number=number: starter._thread is None and runs(tmp_path) == number)  # type: ignore[misc]


def test_a_process_that_fails_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    starter = JobStarter((sys.executable, "-c", "raise SystemExit(3)"))
    with caplog.at_level(logging.ERROR):
        starter.start()
        eventually(lambda: starter._thread is None)
    assert "the process for asked jobs ended with 3" in caplog.text


def test_closing_ends_what_runs(tmp_path: Path) -> None:
    starter = JobStarter(counting(tmp_path, 60))
    starter.start()
    eventually(lambda: starter._process is not None)
    starter.close()
    assert starter._thread is None
    assert runs(tmp_path) == 0
    JobStarter().close()  # one that never started
