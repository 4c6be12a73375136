"""Lines that wait on disk, oldest first: written by one process, and taken up by another should that one be killed.

    <folder>/<number>.jsonl     the lines, in files of some megabytes that go when all of theirs were sent
    <folder>/.lock              held by the process that writes here, for as long as it lives

A line is acknowledged when the system has it: it outlives a kill -9 of the process. ``sync`` makes lines durable
against a power cut; the sender does so, since an fsync would have the caller wait. How far the oldest file was sent is
kept in memory alone: who takes it up sends it again from its beginning, and the monitor knows the rows by their ids.
"""

from __future__ import annotations

import fcntl
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from ml_core.lines import decode_line, write_all

log = logging.getLogger(__name__)
FILE_BYTES = 2_000_000
PIECE_BYTES = 1_000_000
_LOCK = ".lock"


class QueueFull(Exception):
    """No more bytes may wait; what waits already stays."""


@dataclass(frozen=True, slots=True)
class WaitingLine:
    """A line that waits; its ``content`` is None if it is damaged, ``end`` is the byte of its file behind it."""

    raw: bytes
    content: dict[str, Any] | None
    end: int


class DiskQueue:
    """The queue of one process in a folder of its own, or one that a killed process has left (``adopt``).

    ``used_elsewhere`` are the bytes that the queues of others take of ``max_bytes``. Methods raise ``OSError``.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        self.used_elsewhere = 0
        self._guard = Lock()
        self._lock: int | None = None
        self._writing: int | None = None  # the descriptor of the newest file
        self.bytes = 0
        """How many bytes wait."""
        self._numbers: list[int] = []
        self._sizes: dict[int, int] = {}
        self._offset = 0  # of the oldest file, up to which it was sent
        self._is_synced = True

    def append(self, content: bytes) -> None:
        """Put lines behind what waits; raise ``QueueFull``, or ``OSError`` with nothing written."""
        with self._guard:
            if self._lock is None:
                self.folder.mkdir(parents=True, mode=0o700, exist_ok=True)
                self._open()
            if self.bytes + self.used_elsewhere + len(content) > self.max_bytes:
                raise QueueFull(f"{self.folder.parent} holds {self.max_bytes / 1e6:,.0f} MB, as many as it may")
            if self._writing is None or self._sizes[self._numbers[-1]] >= FILE_BYTES:
                self._begin_file()
            assert self._writing is not None
            number = self._numbers[-1]
            try:
                write_all(self._writing, content)
            except OSError:
                os.ftruncate(self._writing, self._sizes[number])
                os.lseek(self._writing, 0, os.SEEK_END)
                raise
            self._sizes[number] += len(content)
            self.bytes += len(content)
            self._is_synced = False

    def next_lines(self) -> list[WaitingLine]:
        """Return the oldest lines, about a megabyte of one file; none if nothing waits."""
        while True:
            with self._guard:
                if not self._numbers:
                    return []
                number, offset = self._numbers[0], self._offset
                left = self._sizes[number] - offset
            with self._path(number).open("rb") as file:
                file.seek(offset)
                content = file.read(min(left, PIECE_BYTES))
                if left > len(content):
                    content += file.readline()
            *lines, torn = content.split(b"\n")
            if not lines:  # the end of the file, or what a killed writer left of a line
                if torn:
                    log.warning("%s: passed over %d bytes of a line that was never finished", self.folder, len(torn))
                self._finish_file(number, offset + len(torn))
                continue
            found = []
            for line in lines:
                offset += len(line) + 1
                found.append(WaitingLine(line, decode_line(line), offset))
            return found

    def advance(self, end: int) -> None:
        """Forget the lines up to byte ``end`` of the oldest file: they were sent, or set apart."""
        with self._guard:
            self.bytes -= end - self._offset
            self._offset = end
            number = self._numbers[0]
        self._finish_file(number, end)

    def sync(self) -> None:
        """Make what was appended durable."""
        with self._guard:
            if self._is_synced or self._writing is None:
                return
            self._is_synced = True
            descriptor = os.dup(self._writing)
        try:
            os.fsync(descriptor)  # without the guard: callers go on meanwhile
        finally:
            os.close(descriptor)

    def adopt(self) -> bool:
        """Take the queue of a process that has ended; False if it lives."""
        with self._guard:
            try:
                self._open()
            except (BlockingIOError, FileNotFoundError):  # it lives, or another has adopted and removed it just now
                return False
            for path in sorted(self.folder.glob("*.jsonl")):
                self._numbers.append(int(path.stem))
                self._sizes[int(path.stem)] = path.stat().st_size
                self.bytes += path.stat().st_size
        return True

    def close(self) -> None:
        """Give the queue free for others to take up; one in which nothing waits is removed."""
        with self._guard:
            if self._lock is None:
                return
            is_empty = not self._numbers
            if is_empty:
                (self.folder / _LOCK).unlink(missing_ok=True)
                self.folder.rmdir()
            self._release()

    def abandon(self) -> None:
        """Leave the queue to the process that this one was forked from."""
        self._guard = Lock()  # it may have been held when the fork was made
        self._release()

    def _release(self) -> None:
        for descriptor in (self._writing, self._lock):
            if descriptor is not None:
                os.close(descriptor)
        self._writing = self._lock = None

    def _open(self) -> None:
        descriptor = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Who adopts a queue removes it: a lock on a file that is no longer there guards nothing.
            if os.fstat(descriptor).st_nlink == 0:
                raise FileNotFoundError(f"{self.folder} was removed")
        except OSError:
            os.close(descriptor)
            raise
        self._lock = descriptor

    def _begin_file(self) -> None:
        number = self._numbers[-1] + 1 if self._numbers else 1
        descriptor = os.open(self._path(number), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        if self._writing is not None:
            os.close(self._writing)
        self._writing = descriptor
        self._numbers.append(number)
        self._sizes[number] = 0

    def _finish_file(self, number: int, end: int) -> None:
        """Remove the oldest file if all of it was sent."""
        with self._guard:
            if self._sizes[number] > end:
                return
            self._path(number).unlink(missing_ok=True)
            if len(self._numbers) == 1 and self._writing is not None:
                os.close(self._writing)
                self._writing = None
            self.bytes -= self._sizes[number] - self._offset  # but for a line that was never finished, none
            del self._numbers[0], self._sizes[number]
            self._offset = 0

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:012d}.jsonl"
