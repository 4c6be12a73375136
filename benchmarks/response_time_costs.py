"""What an hour of eight servers and 28 metrics costs: processor time beside that of its bare imports, and memory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml

from benchmarks.figures import Figure, Sizes, in_turns, progress
from forecasting_jobs.response_time.controller_config import TOKEN_PATH
from ml_core.config import project_root
from tests.simulated_controller import clock_offset, simulated_controller, without_settings

START = datetime(2026, 11, 20, 12, 10, tzinfo=UTC)
MISSED_HOURS = 24
MOST_TIMES, MOST_MEGABYTES, MOST_TIMES_OF_MISSED = 4.0, 400.0, 3.0
_IMPORTS = (
    "import forecasting_jobs.response_time.main, forecasting_jobs.response_time.appdynamics;"
    "import ml_core.store.json_store, xgboost"
)


@dataclass(slots=True)
class Hours:
    """Runs the hour as a process, at a clock that goes on with each run."""

    environment: dict[str, str]
    time: datetime = START
    megabytes: list[float] = field(default_factory=list)

    def run(self, hours: int) -> float:
        """Let so many hours pass and do what is due; return the processor seconds."""
        self.time += timedelta(hours=hours)
        seconds, megabytes = self._measured(["-m", "forecasting_jobs", "response-time", "hourly"])
        self.megabytes.append(megabytes)
        return seconds

    def imports(self) -> float:
        """Import what an hour imports and do nothing; return the processor seconds."""
        return self._measured(["-c", _IMPORTS])[0]

    def _measured(self, arguments: Sequence[str]) -> tuple[float, float]:
        environment = {**self.environment, "ML_CLOCK_OFFSET": clock_offset(self.time)}
        command = [sys.executable, *arguments]
        process = subprocess.Popen(command, env=environment, cwd=project_root(), stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        with process.stderr:
            said = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {said[-2000:]}")
        return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def measure(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Yield the figures of the hour on the embedded store, after a first run that fetches 60 days and trains."""
    with _controller(folder) as environment:
        hours = Hours(environment)
        progress("the first hour: 60 days are fetched, six models trained ...")
        hours.run(0)
        hours.megabytes.clear()
        rounds = min(sizes.rounds, 5)
        progress("hours and imports in turns ...")
        one = in_turns(rounds, lambda _: hours.run(1), lambda _: hours.imports())
        yield Figure(
            "processor time of an hour / of its imports",
            one.show(_seconds),
            f"at most {MOST_TIMES:.0f}",
            met=one.ratio <= MOST_TIMES,
        )
        most = max(hours.megabytes)
        yield Figure(
            "memory of an hour", f"{most:.0f} MB", f"at most {MOST_MEGABYTES:.0f} MB", met=most <= MOST_MEGABYTES
        )
        progress(f"{MISSED_HOURS} missed hours and one in turns ...")
        missed = in_turns(min(rounds, 3), lambda _: hours.run(MISSED_HOURS), lambda _: hours.run(1))
        yield Figure(
            f"processor time of {MISSED_HOURS} missed hours / of one",
            missed.show(_seconds),
            f"at most {MOST_TIMES_OF_MISSED:.0f}",
            met=missed.ratio <= MOST_TIMES_OF_MISSED,
        )


@contextmanager
def _controller(folder: Path) -> Iterator[dict[str, str]]:
    """Run the made-up controller, whose clock is far ahead; yield the environment of its clients."""
    with simulated_controller(START + timedelta(days=30)) as url:
        config = folder / "appdynamics-config.yml"
        creds = {"client_id": "suite@simulator", "geturl": f"{url}{TOKEN_PATH}"}
        config.write_text(yaml.safe_dump({"client_creds": creds}))
        yield {
            **without_settings(),
            "ML_STORE_URL": f"json:///{folder / 'store'}",
            "ML_ARTIFACTS_FOLDER": str(folder / "artifacts"),
            "ML_RUN_FOLDER": str(folder / "run"),
            "ML_RESPONSE_TIME__CONFIG_FILE": str(config),
            "ML_RESPONSE_TIME__CLIENT_SECRET": "of-a-controller-that-is-made-up",
        }


def _seconds(value: float) -> str:
    return f"{value:.2f} s"
