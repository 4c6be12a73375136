"""Real processes for tests: an app of the suite on a port of its own, stopped by its id."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ml_core.config import project_root
from ml_core.launcher.apps import platform_apps
from ml_core.processes import end_process, free_port
from ml_core.settings import Settings
from ml_core.store.base import Store
from ml_core.store.json_store import JsonStore

_START_SECONDS = 60
_STOP_SECONDS = 20
# Some machines name a proxy in their environment; it knows nothing of this one's ports.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class RunningApp:
    """A served app: where it answers, and the process that was started for it."""

    url: str
    pid: int
    log: Path


def eventually(is_so: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until it is so; raise ``AssertionError`` if it is not in time."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not come so in time"
        time.sleep(0.02)


def own_folders(folder: Path) -> dict[str, str]:
    """Return the environment that keeps all that an app reads and writes below one folder."""
    return {
        "ML_STORE_URL": f"json:///{folder / 'store'}",
        "ML_ARTIFACTS_FOLDER": str(folder / "artifacts"),
        "ML_RUN_FOLDER": str(folder / "run"),
        "ML_LOG_FOLDER": str(folder / "log"),
        "ML_SPOOL__FOLDER": str(folder / "spool"),
        "ML_CLOUDWATCH__FOLDER": str(folder / "cloudwatch"),
        "ML_CLOUDWATCH__SCHEDULE": "false",
        "ML_JOBS__SCHEDULE": "false",
    }


@contextmanager
def start_app(module: str, environment: Mapping[str, str], port: int | None = None) -> Iterator[RunningApp]:
    """Serve an app of the platform, on a free port unless one is given, until the block ends.

    Settings of this process' environment do not reach it. Raises ``AssertionError`` with the end of its log if it ends
    or does not get ready.
    """
    (app,) = (app for app in platform_apps(Settings()) if app.name == module)
    port = port or free_port()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ML_")}
    log = Path(environment["ML_LOG_FOLDER"]) / f"{module}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", module, "serve"],
            env={**inherited, **environment, app.port_variable: str(port)},
            cwd=project_root(),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(process, url, log)
        yield RunningApp(url, process.pid, log)
    finally:
        end_process(process, _STOP_SECONDS)


MOST_RESIDENT_MB = 170
_DRIVER_MB = 15  # after hundreds of views; it has levelled off by then


def most_resident_megabytes(store: Store) -> int:
    """Return what a process of a web app may hold in memory: SQLAlchemy and a driver take some more than files do."""
    return MOST_RESIDENT_MB + (0 if isinstance(store, JsonStore) else _DRIVER_MB)


def resident_megabytes(pid: int) -> dict[int, float]:
    """Return the resident memory of a process and of all below it, by process id."""
    found = {pid: _resident(pid)}
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found |= resident_megabytes(int(child))
    return found


def _resident(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if _is_ready(url):
            return
        time.sleep(0.05)
    ended = "did not get ready" if process.poll() is None else f"ended with {process.returncode}"
    raise AssertionError(f"{process.args!r} {ended}:\n{log.read_text()[-2000:]}")


def _is_ready(url: str) -> bool:
    try:
        with _direct.open(f"{url}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError as error:
        error.close()
        return False
    except OSError:  # nothing listens yet
        return False
