"""The lines of a spool's files: what one holds, and reading them on from a position without reading it all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from ml_core.clock import parse_time
from ml_core.lines import decode_line
from ml_core.records import GroundTruth, Prediction

Kind = Literal["predictions", "ground_truths"]

_WINDOW_BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a spool: behind so many bytes, which are so many lines, of the file of this number."""

    file: int
    offset: int = 0
    lines: int = 0


@dataclass(frozen=True, slots=True)
class WaitingRecord:
    """A record as it was accepted; ``size`` is the length of its line in bytes.

    Of a prediction with ``new_id`` the caller has vouched that its id was made just then.
    """

    kind: Kind
    model: str
    row: dict[str, Any]
    spooled_time: datetime
    size: int
    new_id: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """Some records in the order in which they were accepted, and lines among them that are not as they were written.

    ``end`` is the position behind them; ``is_last`` says that nothing else waited when they were read.
    """

    records: list[WaitingRecord]
    damaged: list[bytes]
    end: Position
    is_last: bool


def waiting_line(
    kind: Kind, model: str, row: Prediction | GroundTruth, now: datetime, *, new_id: bool = False
) -> dict[str, Any]:
    """Return what the line of a record holds."""
    if isinstance(row, Prediction) and (type(row.features) is not dict or row.scores is not None):
        row = replace(row, features=dict(row.features), scores=None if row.scores is None else dict(row.scores))
    return {"kind": kind, "model": model, "row": row, "spooled_time": now, **({"new_id": True} if new_id else {})}


def read_row(kind: Kind, row: dict[str, Any]) -> Prediction | GroundTruth:
    """Return the record in a line; raise ``TypeError``, ``KeyError`` or ``ValueError`` for one of another shape."""
    if kind == "predictions":
        return Prediction(**{**row, "time": parse_time(row["time"])})
    return GroundTruth(**{**row, "received_time": parse_time(row["received_time"])})


def read_window(path: Path, start: Position, size: int, *, lines: int, is_newest: bool = False) -> Window:
    """Return the records of whole lines from ``start`` on: at most ``lines``, about 4 MB, and up to ``size`` bytes."""
    window = Window([], [], start, is_last=False)
    offset, number, ended = start.offset, start.lines, False
    with path.open("rb") as file:
        file.seek(offset)
        while number - start.lines < lines and offset - start.offset < _WINDOW_BYTES:
            line = file.readline()
            if offset + len(line) > size or not line.endswith(b"\n"):  # a line that is not finished is none yet
                ended = True
                break
            offset, number = offset + len(line), number + 1
            _sort_in(line, window)
    return replace(window, end=Position(start.file, offset, number), is_last=ended and is_newest)


def _sort_in(line: bytes, window: Window) -> None:
    try:
        content = decode_line(line[:-1]) or {}
        time = parse_time(content["spooled_time"])
        known = (content["kind"], content["model"], content["row"], time, len(line), content.get("new_id", False))
        window.records.append(WaitingRecord(*known))
    except (KeyError, TypeError, ValueError):
        window.damaged.append(line)


class LineCounter:
    """Counts the lines of files that grow, each time only those that are new."""

    def __init__(self) -> None:
        self._counted: dict[Path, tuple[int, int]] = {}

    def count(self, path: Path) -> int:
        """Return the number of whole lines; nobody may write meanwhile."""
        length, lines = self._counted.get(path, (0, 0))
        if path.stat().st_size < length:  # a line that was never finished was cut off
            length = lines = 0
        read = length
        with path.open("rb") as file:
            file.seek(length)
            while block := file.read(1 << 20):
                if found := block.count(b"\n"):
                    lines, length = lines + found, read + block.rindex(b"\n") + 1
                read += len(block)
        self._counted[path] = (length, lines)
        return lines

    def forget(self, path: Path) -> None:
        """Forget a file that was removed: another one may get its name."""
        self._counted.pop(path, None)
