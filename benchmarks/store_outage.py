"""MariaDB away for a minute while two processes go on accepting, and the replayer is killed again and again.

Some kills fall while the server is away, some after a replayer has said that all is committed and before it moves the
position, some at any moment of the replay. Each row must then be there once; in a table without a key, into which the
same replayers have sent the same rows, many must be there more than once.
"""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks import outage_processes
from benchmarks.figures import CONTEXT, MODEL, Figure, Sizes, milliseconds, progress
from benchmarks.outage_processes import CORRECTED, FIRST, KEYLESS, ROWS, SECOND, SPOOL_BYTES, TRUTHS
from benchmarks.store_batches import mariadb
from ml_core.store.opening import open_store
from ml_core.store.spool import Spool, spool_folder
from tests.mariadb import MariaDbServer

_ACCEPTING = 2
_KILLS, _BETWEEN = 20, 10
_WAIT_SECONDS = 60.0
_STANDING_BY = 3
_LONGEST_PAUSE_SECONDS = 0.2
_AFTERWARDS_SECONDS = 2.0


class _Run:
    """A database, its spool, and what was done to the replayers."""

    def __init__(self, server: MariaDbServer, folder: Path, sizes: Sizes) -> None:
        self.server, self.sizes, self.notes = server, sizes, folder / "acknowledged"
        self.url = server.new_database()
        self.spool = Spool(spool_folder(folder, self.url), SPOOL_BYTES)
        self.kills = self.between = self.backlog = 0
        self.away_seconds = self.drained_seconds = 0.0
        self.notes.touch()
        with closing(open_store(self.url)) as store:
            store.check()
        server.execute(self._use, f"CREATE TABLE {KEYLESS} (prediction_id VARCHAR(255) NOT NULL)")

    @property
    def _use(self) -> str:
        return f"USE {urlsplit(self.url).path.removeprefix('/')}"

    def go(self) -> None:
        """Accept, take the server away, bring it back, and wait until all is replayed."""
        with self._accepting():
            _wait(lambda: self.notes.stat().st_size > 1000)
            self._take_away()
            self.backlog = self.spool.status().records
            with self._doomed() as doomed:
                self.server.start()
                began = time.monotonic()
                progress(f"outage: the server is back, {self.backlog:,} records wait")
                for _ in range(self.sizes.kills_after_commit):
                    doomed.kill_one_after_its_commit()
                    self.between += 1
                    self.kills += 1
            progress(f"outage: {self.between} kills later {self.spool.status().records:,} records wait")
            for _ in range(self.sizes.kills_at_any_moment):
                with self._replayer():
                    time.sleep(random.uniform(0, _LONGEST_PAUSE_SECONDS))
                self.kills += 1
            progress(f"outage: all {self.kills} kills later {self.spool.status().records:,} records wait")
            with self._replayer():
                _wait(lambda: not self.spool.holds_records())
                self.drained_seconds = time.monotonic() - began
                time.sleep(_AFTERWARDS_SECONDS)  # straight into the database again
        with self._replayer():
            _wait(lambda: not self.spool.holds_records())

    def stored(self, table: str) -> Counter[str]:
        """Return how often each prediction is in a table."""
        query = f"SELECT prediction_id, COUNT(*) FROM {table} GROUP BY prediction_id ORDER BY prediction_id"
        return Counter(dict(self.server.execute(self._use, query)))

    def truths(self) -> dict[str, list[float]]:
        """Return the revisions of each truth, oldest first."""
        query = (
            f"SELECT prediction_id, value FROM ground_truths WHERE model = '{MODEL}' ORDER BY prediction_id, revision"
        )
        found: dict[str, list[float]] = {}
        for prediction_id, value in self.server.execute(self._use, query):
            found.setdefault(prediction_id, []).append(value)
        return found

    def _take_away(self) -> None:
        progress(f"outage: the server is away for {self.sizes.outage_seconds:g} s")
        self.server.stop()
        began = time.monotonic()
        pause = self.sizes.outage_seconds / self.sizes.kills_while_away
        for number in range(1, self.sizes.kills_while_away + 1):
            with self._replayer():
                time.sleep(max(0.0, began + number * pause - time.monotonic()))
            self.kills += 1
        self.away_seconds = time.monotonic() - began

    @contextmanager
    def _accepting(self) -> Iterator[None]:
        ended = CONTEXT.Event()
        processes = [
            CONTEXT.Process(
                target=outage_processes.accept, args=(self.url, self.spool.folder, self.notes, bool(number % 2), ended)
            )
            for number in range(_ACCEPTING)
        ]
        for process in processes:
            process.start()
        try:
            yield
            assert all(process.is_alive() for process in processes), "a process that accepts has ended by itself"
        finally:
            ended.set()
            for process in processes:
                process.join()

    @contextmanager
    def _replayer(self) -> Iterator[None]:
        """Run a replayer until the block ends, and kill it."""
        process = self._start(None)
        try:
            yield
        finally:
            _kill(process)

    @contextmanager
    def _doomed(self) -> Iterator[_Doomed]:
        """Run replayers of which one is at work and the others stand by, as the processes of an app do."""
        doomed = _Doomed(self._start)
        try:
            yield doomed
        finally:
            doomed.kill_all()

    def _start(self, told: Connection | None) -> BaseProcess:
        process = CONTEXT.Process(target=outage_processes.replay, args=(self.url, self.spool.folder, told))
        process.start()
        return process


class _Doomed:
    """Replayers that tell when they have committed, and then wait to be killed."""

    def __init__(self, start: Callable[[Connection], BaseProcess]) -> None:
        self._start = start
        self._running: dict[Connection, BaseProcess] = {}
        for _ in range(_STANDING_BY):
            self._add()

    def kill_one_after_its_commit(self) -> None:
        """Wait until one has committed, kill it, and have another one stand by in its place."""
        ready = wait(list(self._running), _WAIT_SECONDS)
        told = next(each for each in self._running if each in ready)
        assert told.recv() == "committed"
        _kill(self._running.pop(told))
        self._add()

    def kill_all(self) -> None:
        """Kill those who stand by."""
        for process in self._running.values():
            _kill(process)

    def _add(self) -> None:
        hearing, telling = CONTEXT.Pipe(duplex=False)
        self._running[hearing] = self._start(telling)
        telling.close()


def _kill(process: BaseProcess) -> None:
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL, f"the replayer ended by itself with {process.exitcode}"


@dataclass(frozen=True, slots=True)
class _Acknowledged:
    """What the accepting processes have noted."""

    batches: list[str]
    spooled: int
    longest_seconds: float

    @classmethod
    def read(cls, path: Path) -> _Acknowledged:
        lines = [line.split("\t") for line in path.read_text().splitlines()]
        return cls(
            [line[0] for line in lines], sum(int(line[1]) for line in lines), max(float(line[2]) for line in lines)
        )

    @property
    def records(self) -> int:
        return len(self.batches) * (ROWS + TRUTHS + CORRECTED)

    def ids(self, rows: int) -> set[str]:
        return {f"{batch}-{row}" for batch in self.batches for row in range(rows)}


def measure(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Yield the figures of an outage."""
    with mariadb() as server:
        run = _Run(server, folder, sizes)
        run.go()
        acknowledged = _Acknowledged.read(run.notes)
        stored, truths, keyless = run.stored("predictions"), run.truths(), run.stored(KEYLESS)
    corrected = acknowledged.ids(CORRECTED)
    expected = {each: [FIRST, SECOND] if each in corrected else [FIRST] for each in acknowledged.ids(TRUTHS)}
    missing = len(acknowledged.ids(ROWS) - set(stored))
    missing += sum(truths.get(each, [])[: len(values)] != values for each, values in expected.items())
    twice = stored.total() - len(stored)
    twice += sum(max(0, len(values) - len(expected.get(each, []))) for each, values in truths.items())
    apart = run.spool.status().poisoned
    kills, between = min(_KILLS, sizes.kills_in_all), min(_BETWEEN, sizes.kills_after_commit)
    enough = run.kills >= kills and run.between >= between
    name = f"{run.away_seconds:.0f} s without MariaDB"
    value = f"{run.kills} kills, {run.between} of them between commit and position"
    yield Figure(f"{name}, kill -9 of the replayer", value, f"at least {kills} and {between}", enough)
    value = f"{missing} of {acknowledged.records:,}, {apart} set apart, {acknowledged.spooled:,} of them by the spool"
    value = f"{value}; longest acceptance {milliseconds(acknowledged.longest_seconds)}"
    yield Figure(f"{name}, acknowledged records missing", value, "0", missing == apart == 0, enough)
    extra = keyless.total() - len(keyless)
    value = f"{twice}; without a key {extra:,} of {keyless.total():,}"
    yield Figure(f"{name}, records stored more than once", value, "0", twice == 0, extra > 0)
    ratio = run.drained_seconds / run.away_seconds
    value = f"{ratio:.2f} [{run.backlog:,} records in {run.drained_seconds:.1f} s, kills included]"
    yield Figure(f"{name}, backlog drained / outage", value, "at most 0.25", ratio <= 0.25)


def _wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while not until():
        assert time.monotonic() < deadline, "it did not come so in time"
        time.sleep(0.005)
