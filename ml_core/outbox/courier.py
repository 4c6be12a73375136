"""The thread that empties the queue: rows go out in order, are tried again while the monitor is away, and never hurry.

What it does in Python holds up the threads of its process, which have a model to run. So it lets rows gather for a
moment before it sends them, and rests between requests so long that it takes at most ``SHARE_OF_A_CORE`` while rows
come, and ``IDLE_SHARE`` while none do. While somebody waits in ``flush`` it does not rest.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import Timeout

from ml_core.clock import Clock
from ml_core.outbox.batches import Addressee, Batch, read_line
from ml_core.outbox.disk_queue import DiskQueue, WaitingLine
from ml_core.outbox.post_office import PostOffice, TryLater
from ml_core.outbox.set_apart import RefusedRow, SetApart

log = logging.getLogger(__name__)
ROWS_PER_REQUEST = 1000
SHARE_OF_A_CORE, IDLE_SHARE = 0.03, 0.25
_GATHER_SECONDS = 0.25
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 60.0
_LOOK_ROUND_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class ClientStatus:
    """How a client fares, in rows since it was made.

    ``logged`` rows were put into the queue; of those sent, ``accepted`` were new to the monitor, ``duplicates`` it knew
    already, ``refused`` it would not take: they are set apart, but for ``refused_without_room``. ``not_queued`` rows
    are lost: the queue was full or could not be written. ``trouble`` says what keeps the client from sending now.
    """

    logged: int
    not_queued: int
    accepted: int
    duplicates: int
    refused: int
    refused_without_room: int
    waiting_bytes: int
    trouble: str | None


@dataclass(slots=True)
class _Counts:
    accepted: int = 0
    duplicates: int = 0
    refused: int = 0
    without_room: int = 0
    trouble: str | None = None


@dataclass(slots=True)
class _Parcel:
    """Rows of one request, and where they end in the queue."""

    to: Addressee | None
    batches: list[Batch] = field(default_factory=list)
    lines: list[bytes] = field(default_factory=list)
    damaged: list[bytes] = field(default_factory=list)
    end: int = 0


class Courier:
    """Sends what waits in ``own`` and in the queues that killed processes have left beside it."""

    def __init__(self, own: DiskQueue, office: PostOffice, set_apart: SetApart, clock: Clock) -> None:
        self._counts = _Counts()
        self._own = own
        self._office = office
        self._set_apart = set_apart
        self._clock = clock
        self._left: list[DiskQueue] = []
        self._looked_round = float("-inf")
        # What follows is changed under the condition, and whoever waits is told.
        self._changed = threading.Condition()
        self._has_news = False
        self._flushing = 0
        self._flushes = 0
        self._rounds = 0
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="ml-monitor-client", daemon=True)
        self._thread.start()

    def notice(self) -> None:
        """Say that something was put into the queue."""
        if not self._has_news:
            with self._changed:
                self._has_news = True
                self._changed.notify_all()

    def flush(self, seconds: float, *, gives_up: bool = False) -> bool:
        """Wait until all that waits was sent or set apart, at most so long; return whether it was.

        A flush that ``gives_up`` does not wait for a monitor that is away.
        """
        with self._changed:
            self._flushing += 1
            self._flushes += 1
            self._changed.notify_all()
            try:
                self._changed.wait_for(lambda: self._is_empty() or (gives_up and self.trouble is not None), seconds)
                return self._is_empty()
            finally:
                self._flushing -= 1

    def stop(self, seconds: float) -> None:
        """End the thread; what waits stays on disk."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify_all()
        self._thread.join(seconds)

    @property
    def trouble(self) -> str | None:
        """What keeps rows from being sent now, None if nothing does."""
        return self._counts.trouble

    def status(self, logged: int, not_queued: int) -> ClientStatus:
        """Return how the client fares that has logged so many rows."""
        counts = self._counts
        sent = (counts.accepted, counts.duplicates, counts.refused, counts.without_room)
        return ClientStatus(logged, not_queued, *sent, self.waiting_bytes(), counts.trouble)

    def waiting_bytes(self) -> int:
        """Return how many bytes wait, those that other processes have left included."""
        return self._own.bytes + sum(queue.bytes for queue in self._left)

    def _is_empty(self) -> bool:
        return self._rounds > 0 and self.waiting_bytes() == 0

    def _run(self) -> None:
        fails = 0
        while not self._is_stopping:
            with self._changed:
                self._has_news = False
                flushes = self._flushes
            try:
                self._own.sync()
                self._look_round()
                self._empty()
                fails, pause, self._counts.trouble = 0, _LOOK_ROUND_SECONDS, None
            except TryLater as error:
                self._note(error.reason)
                pause = error.after_seconds or _pause(fails)
                fails += 1
            except Exception as error:  # a disk that fails, or a fault of ours: neither may end the thread
                self._note(f"{type(error).__name__}: {error}")
                pause = _pause(fails)
                fails += 1
            with self._changed:
                self._rounds += 1
                self._changed.notify_all()
                if self._flushes != flushes:
                    fails = 0
            self._rest(pause, flushes, ends_with_news=not fails)
            if not fails and not self._flushing:
                self._rest(_GATHER_SECONDS, self._flushes)
        for queue in self._left:
            queue.close()

    def _rest(self, seconds: float, flushes: int, *, ends_with_news: bool = False) -> None:
        """Wait so long; a flush that has begun since ends it, and news where nothing has failed."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._is_stopping or self._flushes != flushes or (ends_with_news and self._has_news), seconds
            )

    def _note(self, trouble: str) -> None:
        if self._counts.trouble != trouble:
            log.warning("the monitor's client waits: %s; rows are kept on disk meanwhile", trouble)
        self._counts.trouble = trouble

    def _look_round(self) -> None:
        """Take up the queues of processes that have ended, and see how much room those of the others take."""
        if time.monotonic() < self._looked_round + _LOOK_ROUND_SECONDS:
            return
        self._looked_round = time.monotonic()
        root, known, elsewhere = self._own.folder.parent, {self._own.folder, *(each.folder for each in self._left)}, 0
        for folder in sorted(root.iterdir()) if root.exists() else ():
            if folder in known or not folder.is_dir():
                continue
            queue = DiskQueue(folder, self._own.max_bytes)
            if queue.adopt():
                self._left.append(queue)
            else:
                elsewhere += _size(folder)
        self._own.used_elsewhere = elsewhere + sum(queue.bytes for queue in self._left)

    def _empty(self) -> None:
        """Send all that waits, the oldest process's first."""
        while self._left and not self._is_stopping:
            self._send_all(self._left[0])
            self._left.pop(0).close()
            self._own.used_elsewhere = sum(queue.bytes for queue in self._left)
        self._send_all(self._own)

    def _send_all(self, queue: DiskQueue) -> None:
        while lines := queue.next_lines():
            for parcel in _parcels(lines):
                if self._is_stopping:
                    return
                began, flushes, self._has_news = time.thread_time(), self._flushes, False
                self._send(parcel)
                queue.advance(parcel.end)
                if not self._flushing:
                    share = SHARE_OF_A_CORE if self._has_news else IDLE_SHARE
                    self._rest((time.thread_time() - began) * (1 / share - 1), flushes)

    def _send(self, parcel: _Parcel) -> None:
        refused, reason = self._deliver(parcel), "the line is damaged, or of another version of this program"
        refused += [self._refused_line(line, reason) for line in parcel.damaged]
        self._counts.without_room += self._keep(refused)
        self._counts.refused += len(refused)

    def _deliver(self, parcel: _Parcel) -> list[RefusedRow]:
        """Send a parcel's rows; return those that were refused."""
        to = parcel.to
        if to is None:
            return []
        items: list[dict[str, Any]] = []
        for batch, line in zip(parcel.batches, parcel.lines, strict=True):
            try:
                items += batch.items()
            except (TypeError, ValueError):  # its columns are not all of one length
                parcel.damaged.append(line)
        delivery = self._office.deliver(to, items)
        self._counts.accepted += delivery.accepted
        self._counts.duplicates += delivery.duplicates
        if delivery.refused:
            count, example = len(delivery.refused), delivery.refused[0][1]
            log.warning("%d rows of %s were refused and are set apart: %s", count, to.model, example)
        now = self._clock.now()
        return [RefusedRow(to.kind, to.model, to.version, item, why, now) for item, why in delivery.refused]

    def _keep(self, refused: list[RefusedRow]) -> int:
        """Set rows apart; return how many could not be kept. They do not hold up what is behind them."""
        try:
            return self._set_apart.add(refused)
        except (OSError, Timeout) as error:
            log.error("%d refused rows could not be kept: %s", len(refused), error)
            return len(refused)

    def _refused_line(self, line: bytes, reason: str) -> RefusedRow:
        return RefusedRow(None, "", None, {"line": line.decode("utf-8", "replace")}, reason, self._clock.now())


def _parcels(lines: list[WaitingLine]) -> Iterator[_Parcel]:
    """Yield neighbours of one addressee together, as many rows as a request may have."""
    parcel = _Parcel(None)
    rows = 0
    for line in lines:
        batch = _read(line)
        if batch is None:
            parcel.damaged.append(line.raw)
        else:
            if parcel.batches and (batch.to != parcel.to or rows + batch.rows > ROWS_PER_REQUEST):
                yield parcel
                parcel, rows = _Parcel(None), 0
            parcel.to = batch.to
            parcel.batches.append(batch)
            parcel.lines.append(line.raw)
            rows += batch.rows
        parcel.end = line.end
    yield parcel


def _read(line: WaitingLine) -> Batch | None:
    try:
        return None if line.content is None else read_line(line.content)
    except (KeyError, TypeError):  # of a later version of this program
        return None


def _pause(fails: int) -> float:
    """Return a pause that doubles, and differs from client to client so that they do not come all at once."""
    return min(_FIRST_PAUSE_SECONDS * 2.0**fails, _LONGEST_PAUSE_SECONDS) * random.uniform(0.75, 1.25)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*.jsonl") if path.exists())
