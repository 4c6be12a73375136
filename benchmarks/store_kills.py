"""Writers of the JSON store, killed with SIGKILL on every write path, most of them while a write is under way.

A writer notes in a file what the store has acknowledged. Torn tails are counted before the next writer cuts them off:
a run that saw too few of them has not hit the writes, and proves nothing.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import killed_writers
from benchmarks.figures import CONTEXT, Figure, Sizes, progress, quiet
from benchmarks.killed_writers import DAY_FILE, JOB_FILE, Acknowledged
from ml_core.errors import StoreUnavailable
from ml_core.lines import decode_line
from ml_core.store.json_store import JsonStore

_START_SECONDS = 60.0
_AIM_SECONDS = 2.0
_LONGEST_PAUSE_SECONDS = 0.06
_INSIDE_SECONDS = 0.002
_AT_ANY_MOMENT = 18
_BIG_WRITE = 400_000


class _Run:
    """A store, its writers one after another, and what was seen of them."""

    def __init__(self, folder: Path, sizes: Sizes) -> None:
        self.store, self.sizes = folder / "store", sizes
        self.acknowledged = folder / "acknowledged"
        self.acknowledged.touch()
        self.torn_tails = self.big_writes = self.unreadable = self.kills = 0
        self.strays: set[Path] = set()

    def kill_one(self, path: str, number: int) -> None:
        """Start a writer, wait for its first receipt, kill it, look at what it left, and open the store again."""
        self.kills += 1
        before, began, noted = self._noted(), False, 0
        process = CONTEXT.Process(
            target=killed_writers.write, args=(path, self.store, self.acknowledged, self.sizes.rows_per_killed_batch)
        )
        process.start()
        try:
            _wait(lambda: self._noted() > before or not process.is_alive(), _START_SECONDS, 0.001)
            if number % (_AT_ANY_MOMENT if path == "predictions" else 2) == 1:
                time.sleep(random.uniform(0, _LONGEST_PAUSE_SECONDS))
            else:
                begins = self._write_begins(path)
                noted = self._noted()
                began = _wait(begins, _AIM_SECONDS, 0)
                if number % 4 == 0:
                    _wait(lambda: False, random.uniform(0, _INSIDE_SECONDS), 0)
        finally:
            process.kill()
            process.join()
        if process.exitcode != -signal.SIGKILL:
            progress(f"kills: the writer of {path} ended by itself with {process.exitcode}")
            self.unreadable += 1
        if path == "predictions" and began and self._noted() == noted and self._batch_bytes() >= _BIG_WRITE:
            self.big_writes += 1
        self._look(path)

    def _noted(self) -> int:
        return self.acknowledged.stat().st_size

    def _batch_bytes(self) -> int:
        """Return the length of a batch of predictions, judged by the first line."""
        with _watched(self.store, "predictions").open("rb") as file:
            return len(file.readline()) * self.sizes.rows_per_killed_batch

    def _write_begins(self, path: str) -> Callable[[], bool]:
        watched = _watched(self.store, path)
        if watched.suffix == ".jsonl":
            length = watched.stat().st_size
            return lambda: watched.stat().st_size != length
        return lambda: any(name.endswith(".tmp") for name in os.listdir(watched))  # noqa: PTH208 - the quicker look

    def _look(self, path: str) -> None:
        watched = _watched(self.store, path)
        if watched.suffix == ".jsonl" and _last_byte(watched) != b"\n":
            self.torn_tails += 1
        self.strays.update(self.store.rglob("*.tmp"))
        try:
            store = JsonStore(self.store)
            store.check()
            store.list_runs("nightly", newest=1)
        except StoreUnavailable as error:
            progress(f"kills: {error.message}")
            self.unreadable += 1

    def count_bad_lines(self) -> int:
        """Return how many lines with an end are not as they were written."""
        lines = (line for path in self.store.rglob("*.jsonl") for line in path.read_bytes().split(b"\n")[:-1])
        return sum(decode_line(line) is None for line in lines)


def measure(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Yield the figures of kills."""
    run = _Run(folder, sizes)
    with quiet("ml_core.lines"):
        for path, count in sizes.kills:
            progress(f"kills: {count} of writers of {path}")
            for number in range(count):
                run.kill_one(path, number)
        progress("kills: comparing what is there with what was acknowledged")
        acknowledged = Acknowledged.read(run.acknowledged)
        lost = acknowledged.count_lost(JsonStore(run.store))
    unreadable = run.unreadable + run.count_bad_lines()
    left = list(run.store.rglob("*.tmp"))
    enough = run.torn_tails >= sizes.torn_tails and run.big_writes >= sizes.big_writes
    torn = f"{run.torn_tails} torn tails, {run.big_writes} kills inside writes of {_BIG_WRITE // 1000} kB or more"
    name = f"{run.kills} kills of writers"
    yield Figure(f"{name}, torn tails seen", torn, f"at least {sizes.torn_tails} and {sizes.big_writes}", enough)
    yield Figure(f"{name}, unreadable files and lines", str(unreadable), "0", unreadable == 0, enough)
    value = f"{lost:,} of {acknowledged.count:,}"
    yield Figure(f"{name}, acknowledged rows lost", value, "0", lost == 0, enough)
    value = f"{len(left)}, of {len(run.strays)} seen before"
    yield Figure(f"{name}, stray temporary files after reopening", value, "0", not left, bool(run.strays))


def _watched(store: Path, path: str) -> Path:
    """Return the file, or the folder of temporary files, in which a write of this path is seen first."""
    return {
        "predictions": store / "records/predictions/killed" / DAY_FILE,
        "truths": store / "records/ground_truths/killed" / DAY_FILE,
        "documents": store / "documents",
        "job runs": store / "records/job_runs/nightly" / JOB_FILE,
        "erasures": store / "records/predictions/erased",
    }[path]


def _last_byte(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read()


def _wait(until: Callable[[], bool], seconds: float, pause: float) -> bool:
    """Wait until it is so, at most for some seconds; return whether it came so."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if until():
            return True
        if pause:
            time.sleep(pause)
    return False
