"""The response times of the demo: the jobs of the response-time hour, run as processes against a made-up controller.

What they forecast are the servers of ``simulate-controller``, under an application of the demo's own: three weeks of
hours, and the last eight of them forecast as of their own time by six models that are trained on what came before.
Nothing of it touches the hour's own job or its schedule.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import yaml

from ml_core.clock import format_time
from ml_core.config import project_root
from ml_core.errors import SuiteError
from ml_core.processes import end_process, free_port

APPLICATION = "Demo"
MODEL = f"response-time-{APPLICATION}"
SERIES = f"response-time/{APPLICATION}/"
"""What the names of its series begin with."""

FORECAST_HOURS = 8
_HISTORY_DAYS = 21
_START_SECONDS = _END_SECONDS = 60
_COMMAND = (sys.executable, "-m", "forecasting_jobs", "response-time")
_SECRET = "of-the-demo"


def fill_response_times(now: datetime, tell: Callable[[str], None]) -> None:
    """Fetch, train and forecast what is not there yet; raise ``SuiteError`` with what a command said if it fails."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    first, last = (format_time(time) for time in (hour - timedelta(hours=FORECAST_HOURS), hour))
    with tempfile.TemporaryDirectory(prefix="ml-monitor-demo-") as folder, _controller(Path(folder)) as environment:
        for arguments in (["fetch"], ["backfill", "--from", first, "--to", last]):
            tell(f"response times: {arguments[0]}: {_run(arguments, environment)}")


@contextmanager
def _controller(folder: Path) -> Iterator[Mapping[str, str]]:
    """Serve a controller on a free port until the block ends; what is yielded leads the commands to it."""
    port = free_port()
    token = f"http://127.0.0.1:{port}/controller/api/oauth/access_token"
    config = folder / "appdynamics-config.yml"
    config.write_text(yaml.safe_dump({"client_creds": {"client_id": "demo@simulator", "geturl": token}}))
    own = {"CONFIG_FILE": str(config), "CLIENT_SECRET": _SECRET, "APPLICATION": APPLICATION, "MAIN_SERVER": "ABP"}
    # The first system's tables are of one application, which is not the demo's.
    own |= {"HISTORY_DAYS": str(_HISTORY_DAYS), "TABLES_DATABASE": ""}
    environment = {**os.environ, **{f"ML_RESPONSE_TIME__{name}": value for name, value in own.items()}}
    for name in ("CA_FILE", "LIMIT", "CLIENT_SECRET_FILE", "CSV_FILE"):  # those of a real controller are not the demo's
        environment.pop(f"ML_RESPONSE_TIME__{name}", None)
    command = [*_COMMAND, "simulate-controller", "--port", str(port)]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, env=environment, cwd=project_root(), stdout=log, stderr=subprocess.STDOUT)
        try:
            if not _listens(port, process):
                log.seek(max(0, log.seek(0, os.SEEK_END) - 2000))
                raise SuiteError(f"the made-up controller did not start:\n{log.read().decode('utf-8', 'replace')}")
            yield environment
        finally:
            end_process(process, _END_SECONDS)


def _run(arguments: list[str], environment: Mapping[str, str]) -> str:
    """Run a command of the hour; return its last line."""
    done = subprocess.run(
        [*_COMMAND, *arguments], env=environment, cwd=project_root(), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SuiteError(f"response-time {arguments[0]} failed:\n{(done.stderr or done.stdout)[-2000:]}")
    return (done.stdout.strip().splitlines() or ["done"])[-1]


def _listens(port: int, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except OSError:  # nothing listens yet
            time.sleep(0.05)
        else:
            return True
    return False
