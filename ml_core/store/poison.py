"""Records that the database does not take, each with the reason, kept apart so that the rest can go on."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from ml_core.clock import parse_time
from ml_core.store.companions import shadows_among
from ml_core.store.json_segments import append_to_segment, read_segment, rewrite_segment

_DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class PoisonedRecord:
    """A record that was set apart; of a damaged line ``row`` holds the text as far as it can be read."""

    poison_id: str
    kind: str
    model: str
    row: dict[str, Any]
    reason: str
    time: datetime

    @property
    def is_damaged(self) -> bool:
        """Whether it is a line that is not as it was written, so that nobody knows the record."""
        return self.kind == _DAMAGED


def poisoned(kind: str, model: str, row: dict[str, Any], reason: str, now: datetime) -> PoisonedRecord:
    """Return a record to be set apart. Its id follows from what it is, so that setting it apart twice does no harm."""
    content = orjson.dumps([kind, model, row], option=orjson.OPT_SORT_KEYS)
    return PoisonedRecord(hashlib.sha256(content).hexdigest(), kind, model, row, reason, now)


def damaged_line(line: bytes, now: datetime) -> PoisonedRecord:
    """Return a line of the spool that is not as it was written: an acknowledged record may not vanish in silence."""
    text = line.decode(errors="backslashreplace").rstrip("\n")
    return poisoned(_DAMAGED, "", {"line": text}, "the line on disk is not as it was written", now)


class PoisonFile:
    """The file of records that were set apart. Who calls a method that writes holds the lock of the spool."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._counted: tuple[tuple[int, int], int] = ((0, 0), 0)

    def add(self, records: Sequence[PoisonedRecord]) -> None:
        """Set records apart, durably."""
        lines = [
            {"id": each.poison_id, "kind": each.kind, "model": each.model, "row": each.row}
            | {"reason": each.reason, "time": each.time}
            for each in records
        ]
        append_to_segment(self._path, lines)

    def read(self) -> list[PoisonedRecord]:
        """Return the records, each once, in the order in which they were first set apart, with their newest reasons."""
        found: dict[str, PoisonedRecord] = {}
        for line in read_segment(self._path)[0]:
            content = {**line, "poison_id": line["id"], "time": parse_time(line["time"])}
            del content["id"]
            found[line["id"]] = PoisonedRecord(**content)
        return list(found.values())

    def remove(self, poison_ids: Collection[str]) -> None:
        """Take records out for good."""
        if poison_ids:
            rewrite_segment(self._path, lambda line: line["id"] not in poison_ids)

    def forget(self, model: str, prediction_ids: Collection[str]) -> tuple[set[str], int]:
        """Take out all records of these predictions, also under the names of the model's shadows.

        Returns those of the ids that were found, and how many records went.
        """
        records = self.read()
        names = {model, *shadows_among({each.model for each in records}, model)}
        mine = [each for each in records if each.model in names and each.row.get("prediction_id") in prediction_ids]
        self.remove({each.poison_id for each in mine})
        return {each.row["prediction_id"] for each in mine}, len(mine)

    def count(self) -> int:
        """Return how many records are set apart; the file is read again only if it was changed."""
        if not self._path.exists():
            return 0
        stat = self._path.stat()
        state = (stat.st_size, stat.st_ino)
        if state != self._counted[0]:
            self._counted = (state, len(self.read()))
        return self._counted[1]

    def size(self) -> int:
        """Return the length of the file in bytes."""
        return self._path.stat().st_size if self._path.exists() else 0
