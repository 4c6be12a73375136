"""A world of its own for a replay: a store, artifacts and a clock below one folder, and processes that know no other.

The suite's own commands run in it, as they do in production. Nobody is told of anything: mail and webhook are off.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import requests

from forecasting_jobs.suite_process import run_suite, suite_environ
from ml_core.clocks import FileClock, set_clock_file
from ml_core.config import load_settings, project_root
from ml_core.errors import SuiteError
from ml_core.process_parts import ProcessParts, registry_on
from ml_core.processes import end_process, free_port
from ml_core.records import Model
from ml_core.registry import Registry
from ml_core.store.base import Store
from ml_core.store.copying_series import as_forecasts
from ml_core.store.opening import open_store

_START_SECONDS = 120.0
_STOP_SECONDS = 20.0
_LOOK_BACK = timedelta(days=35)


@dataclass(frozen=True, slots=True)
class Scratch:
    """The parts of the world, and what its processes have in their environment."""

    parts: ProcessParts
    environ: Mapping[str, str]
    folder: Path

    def set_time(self, now: datetime) -> None:
        """Move the clock of all its processes."""
        set_clock_file(self.folder / "clock", now)

    def run(self, *command: str) -> str:
        """Run a command of the suite in it, and return what it wrote; raise ``CommandFailed``."""
        return run_suite(command, self.environ)


@contextmanager
def scratch_world(folder: Path, now: datetime) -> Iterator[Scratch]:
    """Make an empty world below ``folder``, whose time is ``now``; the folder must be empty or new.

    Raises ``SuiteError`` if it is neither, or cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SuiteError(f"--folder: {folder} cannot be made: {error.strerror or error}") from None
    if any(folder.iterdir()):
        raise SuiteError(f"--folder: {folder} is not empty; a replay begins with an empty store")
    set_clock_file(folder / "clock", now)
    nothing = folder / "no-hours.csv"
    nothing.write_text("time,server,metric,value\n")
    environ = {
        "ML_STORE_URL": f"json:///{folder.resolve() / 'store'}",
        "ML_ARTIFACTS_FOLDER": str(folder.resolve() / "artifacts"),
        "ML_CLOCK_FILE": str(folder.resolve() / "clock"),
        "ML_CLOCK_OFFSET": "PT0S",
        "ML_RUN_FOLDER": str(folder.resolve() / "run"),
        "ML_LOG_FOLDER": str(folder.resolve() / "log"),
        "ML_SPOOL__FOLDER": str(folder.resolve() / "spool"),
        "ML_MODELS__HOST": "127.0.0.1",
        "ML_MODELS__PORT": str(free_port()),
        "ML_LINK_TRAFFIC__MODELS_URL": "",
        "ML_CLOUDWATCH__FOLDER": str(folder.resolve() / "cloudwatch"),
        # What the hour would fetch comes when the replay says so; from here it gets nothing, and asks no controller.
        "ML_RESPONSE_TIME__CSV_FILE": str(nothing.resolve()),
        "ML_MAIL__HOST": "",
        "ML_WEBHOOK__URL": "",
    }
    settings = load_settings({**suite_environ(), **environ})
    store = open_store(settings.store_url.get_secret_value())
    try:
        clock = FileClock(folder / "clock")
        yield Scratch(ProcessParts(settings, registry_on(settings, store, clock)), environ, folder)
    finally:
        store.close()


def copy_rules(world: Scratch) -> None:
    """Have the monitor of the world go by the rules that are in force outside; raise ``CommandFailed``."""
    file = world.folder / "rules.yaml"
    file.write_text(run_suite(["ml_monitor", "rules", "export"]))
    world.run("ml_monitor", "rules", "apply", str(file), "--yes")


def champions_at(source: Registry, name: str, at: datetime) -> Sequence[int]:
    """Return the versions of a model that were champions at a time, as ``Model.champions``; raise ``ModelNotFound``."""
    model = source.find(name)
    return replace(
        model, stage_changes=tuple(change for change in model.stage_changes if change.time <= at)
    ).champions()


def copy_model(source: Registry, target: Registry, name: str, at: datetime) -> Model | None:
    """Copy a model with the versions that were there at a time, and its champion of then; return the copy.

    None if it had no champion then. Raises ``ModelNotFound``.
    """
    model, champions = source.find(name), champions_at(source, name, at)
    if not champions:
        return None
    target.add_model(replace(model, stage_changes=()))
    for version in source.store.list_versions(model.name):
        if version.created_time > at:
            continue
        if version.artifact is not None:
            there = source.artifact_folder(version)
            if there.is_dir():  # files that are gone are missed by who asks for them, by their name
                shutil.copytree(there, target.artifacts_root / version.artifact)
        target.store.add_version(replace(version, number=0))
    copied = target.find(name)
    return target.promote(copied, champions[-1])


def copy_forecasts(source: Store, target: Store, series: str, model: Model, until: datetime) -> int:
    """Copy what a copied model had said of a series up to a time, as far back as checks look; return how many.

    Only of versions that were copied: another was trained later.
    """
    numbers = {version.number for version in target.list_versions(model.name)}
    steps = source.forecasts(series, until - _LOOK_BACK, until + _LOOK_BACK, model=model.name, issued_before=until)
    count = 0
    for forecast in as_forecasts(series, steps[steps["version"].isin(numbers)]):
        target.put_forecast(forecast)
        count += 1
    return count


@contextmanager
def serving(world: Scratch) -> Iterator[str]:
    """Serve the models of a world by ``ml_models`` in a process of its own; yield the address."""
    settings = world.parts.settings.models
    url = f"http://{settings.host}:{settings.port}"
    with (world.folder / "ml_models.log").open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "ml_models", "serve"],
            cwd=project_root(),
            env={**suite_environ(), **world.environ},
            stdout=said,
            stderr=said,
        )
        try:
            _wait(process, url, world.folder / "ml_models.log")
            yield url
        finally:
            end_process(process, _STOP_SECONDS)


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    session = requests.Session()
    session.trust_env = False
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            if session.get(f"{url}/healthz", timeout=5).ok:
                return
        except requests.RequestException:
            time.sleep(0.2)
    last = log.read_text(errors="replace").strip().splitlines()[-3:]
    raise SuiteError(f"ml_models did not start at {url}: {'; '.join(last)}")
