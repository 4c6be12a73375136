"""Log files in the first system's form: ``LEVEL time [file:function:line] message``, by level.

==============  =====================================================
file            lines
==============  =====================================================
``info.log``    of level INFO and above
``error.log``   of level ERROR and above
``debug.log``   all; made only where the level in force is DEBUG
==============  =====================================================

A file that has come to 10 MiB becomes ``info.log.1``, and so on to ``info.log.10``, the oldest. Any number of processes
may write to one: each line is written whole, under a lock that covers the move as well.
"""

from __future__ import annotations

import fcntl
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from ml_core.logs import one_line, with_traceback

BYTES, KEPT = 10 * 1024 * 1024, 10
_LEVELS = {"info.log": logging.INFO, "error.log": logging.ERROR, "debug.log": logging.DEBUG}


@contextmanager
def kept_in_files(folder: Path, *, bytes_each: int = BYTES) -> Iterator[None]:
    """Write what is logged in the block to the files in ``folder``, besides where else it goes; times are UTC.

    A file that cannot be written is told of once, on standard error: no work fails for want of its log.
    """
    root = logging.getLogger()
    wanted = {name: level for name, level in _LEVELS.items() if level != logging.DEBUG or root.level <= logging.DEBUG}
    files = [_SharedFile(folder / name, level, bytes_each) for name, level in wanted.items()]
    for file in files:
        root.addHandler(file)
    try:
        yield
    finally:
        for file in files:
            root.removeHandler(file)
            file.close()


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%d %H:%M:%S,%f")[:-3]
        place = f"{record.filename}:{record.funcName}:{record.lineno}"
        return with_traceback(f"{record.levelname} {time} [{place}] {one_line(record.getMessage())}", record)


class _SharedFile(logging.Handler):
    """Appends lines to a file that other processes append to and move as well."""

    def __init__(self, path: Path, level: int, bytes_each: int) -> None:
        super().__init__(level)
        self._path, self._bytes = path, bytes_each
        self._lock_path = path.with_name(f".{path.name}.lock")
        self._is_told = False
        self.setFormatter(_Formatter())

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record's line."""
        line = f"{self.format(record)}\n".encode("utf-8", "backslashreplace")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._lock_path.open("ab") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)  # a process that is killed gives it back
                if self._size() and self._size() + len(line) > self._bytes:
                    self._move()
                with self._path.open("ab", buffering=0) as file:
                    file.write(line)
        except OSError as error:
            if not self._is_told:
                self._is_told = True
                sys.stderr.write(f"no more lines in {self._path}: {error.strerror or error}\n")

    def _size(self) -> int:
        try:
            return self._path.stat().st_size
        except FileNotFoundError:
            return 0

    def _move(self) -> None:
        for number in range(KEPT - 1, 0, -1):
            older = self._numbered(number)
            if older.exists():
                older.replace(self._numbered(number + 1))
        self._path.replace(self._numbered(1))

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")
