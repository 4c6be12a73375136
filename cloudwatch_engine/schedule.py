"""The engine's own clockwork: starts the cron commands when they are due, so that nobody has to write a crontab.

Each command finds out by itself whether its slot is due, so this may run beside cron, or on many machines. Training has
a process of its own, since forecasts must not wait for it.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from cloudwatch_engine.seed_config import SeedConfig, read_config
from ml_core import logs
from ml_core.config import load_settings, project_root, resolve_path
from ml_core.processes import end_process
from ml_core.settings import Settings

log = logging.getLogger(__name__)
_PR_SET_PDEATHSIG = 1  # of linux/prctl.h
_STOP_SECONDS = 5.0
_MODULE = (sys.executable, "-m", "cloudwatch_engine")
CYCLE = (*_MODULE, "run", "--without-training")
TRAIN = (*_MODULE, "train")


class Clockwork:
    """Starts ``cycle`` at every tick, and ``train`` after the first cycle and then every ``train_seconds``."""

    def __init__(
        self,
        tick_seconds: float,
        train_seconds: float,
        start: Callable[[Sequence[str]], subprocess.Popen[bytes]],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.tick_seconds = tick_seconds
        self._train_seconds = train_seconds
        self._start = start
        self._monotonic = monotonic
        self._cycle: subprocess.Popen[bytes] | None = None
        self._train: subprocess.Popen[bytes] | None = None
        self._next_cycle = self._next_train = monotonic()
        self._has_cycled = False

    def turn(self) -> None:
        """Start what is due; what still runs is not started again."""
        now = self._monotonic()
        if self._cycle is not None and self._cycle.poll() is not None:
            self._has_cycled = True
            self._cycle = None
        if self._train is not None and self._train.poll() is not None:
            self._train = None
        if self._cycle is None and now >= self._next_cycle:
            self._cycle = self._start(CYCLE)
            self._next_cycle = now + self.tick_seconds
        if self._train is None and self._has_cycled and now >= self._next_train:
            self._train = self._start(TRAIN)
            self._next_train = now + self._train_seconds

    def stop(self) -> None:
        """End what runs; a run that is cut off is claimed again when its lease is over."""
        running = [process for process in (self._cycle, self._train) if process is not None]
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def tick_of(config: SeedConfig) -> float:
    """Return how often a cycle is to start: as often as the most frequent of its jobs."""
    return float(min(config.GET_METRIC_INTERVAL, config.PREDICT_INTERVAL, config.MAIL_INTERVAL))


@contextmanager
def scheduled(settings: Settings) -> Iterator[None]:
    """Run the clockwork in a process of its own while the block runs; raise ``ConfigurationError`` for wrong files."""
    read_config(resolve_path(settings.cloudwatch.config_file))
    command = (*_MODULE, "schedule", str(os.getpid()))
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, cwd=project_root())
    try:
        yield
    finally:
        end_process(process, 2 * _STOP_SECONDS)


def keep_schedule(parent: int) -> None:
    """Turn the clockwork until told to stop, or until the process ``parent`` ends."""
    settings = load_settings()
    logs.configure(settings.log_level)
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    config = read_config(resolve_path(settings.cloudwatch.config_file))
    clockwork = Clockwork(tick_of(config), config.TRAIN_INTERVAL, _start)
    log.info("fetching, forecasting and training on schedule, every %g s", clockwork.tick_seconds)
    try:
        while os.getppid() == parent:
            clockwork.turn()
            time.sleep(min(1.0, clockwork.tick_seconds))
    finally:
        clockwork.stop()


def _start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, cwd=project_root())


def _stop(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)
