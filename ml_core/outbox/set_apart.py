"""Rows that the monitor refuses: kept on disk with the reason, for a person to look at and to send again."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from ml_core.clock import parse_time
from ml_core.lines import cut_torn_tail, decode_line, encode_line, write_all
from ml_core.outbox.batches import Kind

MOST_BYTES = 32_000_000
_LOCK_SECONDS = 10


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that was not taken: what it was, and what is wrong with it. ``item`` is as the monitor takes it.

    Of a damaged line of the queue nothing is known but its text, which is the item's only value.
    """

    kind: Kind | None
    model: str
    version: int | None
    item: dict[str, Any]
    reason: str
    time: datetime


class SetApart:
    """The file of refused rows, shared by all processes with the same queue folder. Methods raise ``OSError``.

    Beyond ``most_bytes`` the oldest rows are kept, and ``add`` says how many had no room.
    """

    def __init__(self, path: Path, most_bytes: int = MOST_BYTES) -> None:
        self.path = path
        self.most_bytes = most_bytes
        self._lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=_LOCK_SECONDS)

    def add(self, rows: Sequence[RefusedRow]) -> int:
        """Keep rows durably; return how many found no room."""
        if not rows:
            return 0
        self.path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        with self._lock:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                size = cut_torn_tail(descriptor, self.path)
                for place, row in enumerate(rows):
                    line = encode_line(asdict(row))
                    if size + len(line) > self.most_bytes:
                        return len(rows) - place
                    try:
                        write_all(descriptor, line)
                    except OSError:
                        os.ftruncate(descriptor, size)
                        raise
                    size += len(line)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        return 0

    def read(self) -> list[RefusedRow]:
        """Return the rows that are kept, oldest first, each once however often it was refused."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return []
        found: dict[Any, RefusedRow] = {}
        for place, line in enumerate(content.split(b"\n")[:-1]):
            row = decode_line(line)
            if row is not None:
                refused = RefusedRow(**{**row, "time": parse_time(row["time"])})
                found.setdefault((refused.kind, refused.model, refused.item.get("prediction_id", place)), refused)
        return list(found.values())

    def take(self) -> list[RefusedRow]:
        """Return the rows that are kept, and keep them no longer."""
        if not self.path.exists():
            return []
        with self._lock:
            rows = self.read()
            self.path.unlink(missing_ok=True)
        return rows
