"""The clockwork: what it starts when, and that it ends with the server."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import orjson
import pytest

from cloudwatch_engine.schedule import CYCLE, TRAIN, Clockwork, scheduled, tick_of
from cloudwatch_engine.seed_config import SeedConfig
from ml_core.errors import ConfigurationError
from ml_core.launcher.proc import process_state
from ml_core.settings import Settings
from tests.processes import eventually


class Starts:
    """Starts processes that do nothing, or last, in place of the commands, and keeps which were wanted."""

    def __init__(self) -> None:
        self.now = 0.0
        self.wanted: list[tuple[float, str]] = []
        self.lasting: set[str] = set()

    def __call__(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        name = {CYCLE: "cycle", TRAIN: "train"}[tuple(command)]
        self.wanted.append((self.now, name))
        code = "import time; time.sleep(60)" if name in self.lasting else ""
        process = subprocess.Popen([sys.executable, "-c", code])
        if name not in self.lasting:
            process.wait()
        return process

    def turn(self, clockwork: Clockwork, now: float) -> None:
        self.now = now
        clockwork.turn()


def test_cycles_start_at_every_tick_and_training_after_the_first_cycle() -> None:
    starts = Starts()
    clockwork = Clockwork(10, 25, starts, lambda: starts.now)
    for now in range(0, 41, 5):
        starts.turn(clockwork, now)
    assert starts.wanted == [
        (0, "cycle"),
        (5, "train"),
        (10, "cycle"),
        (20, "cycle"),
        (30, "cycle"),
        (30, "train"),
        (40, "cycle"),
    ]


def test_what_still_runs_is_not_started_again_and_training_keeps_nothing_waiting() -> None:
    starts = Starts()
    starts.lasting = {"train"}
    clockwork = Clockwork(1, 1, starts, lambda: starts.now)
    for now in range(5):
        starts.turn(clockwork, now)
    assert [name for _, name in starts.wanted] == ["cycle", "cycle", "train", "cycle", "cycle", "cycle"]
    train = clockwork._train
    clockwork.stop()
    assert train is not None
    assert train.returncode is not None


def test_a_tick_is_that_of_the_most_frequent_job() -> None:
    assert tick_of(SeedConfig(GET_METRIC_INTERVAL=1800, PREDICT_INTERVAL=60, MAIL_INTERVAL=600)) == 60


def test_a_wrong_config_stops_the_start(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(orjson.dumps({"MODEL": "GRU"}))
    section = settings.cloudwatch.model_copy(update={"config_file": str(path)})
    with (
        pytest.raises(ConfigurationError, match="MODEL"),
        scheduled(settings.model_copy(update={"cloudwatch": section})),
    ):
        raise AssertionError("unreachable")


def test_the_process_ends_when_the_one_it_serves_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "config.json"
    config.write_bytes(orjson.dumps({"GET_METRIC_INTERVAL": 86400, "PREDICT_INTERVAL": 86400}))
    for name, value in {
        "ML_STORE_URL": f"json:///{tmp_path / 'store'}",
        "ML_ARTIFACTS_FOLDER": str(tmp_path / "artifacts"),
        "ML_CLOUDWATCH__FOLDER": str(tmp_path / "cloudwatch"),
        "ML_CLOUDWATCH__CONFIG_FILE": str(config),
    }.items():
        monkeypatch.setenv(name, value)
    code = (
        "import time\nfrom cloudwatch_engine.schedule import scheduled\nfrom ml_core.config import load_settings\n"
        "with scheduled(load_settings()): print('ready', flush=True); time.sleep(60)"
    )
    server = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        (clockwork,) = children(server.pid)
        eventually(lambda: bool(children(clockwork)) or process_state(clockwork) is None)
        started = children(clockwork)
        assert started
    finally:
        server.kill()
        server.wait()
        assert server.stdout is not None
        server.stdout.close()
    eventually(lambda: process_state(clockwork) is None and all(process_state(pid) is None for pid in started))


def children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in path.read_text().split()] if path.exists() else []
