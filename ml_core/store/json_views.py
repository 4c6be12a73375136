"""A segment of the embedded store as it is at one moment: what is read of it belongs together, whoever rewrites it now.

Positions are bytes from its beginning. What grows at the end keeps them; all else changes the view's ``state``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ml_core.files import file_trouble

_REWRITES = ".rewrites"
_PIECE = 1024


class SegmentView:
    """An open segment; ``state`` differs from an earlier view's if positions of that one say nothing here."""

    def __init__(self, file: int | None, rewrites: int) -> None:
        self._file = file
        status = None if file is None else os.fstat(file)
        self.state = (rewrites, status.st_ino if status else 0)
        self.size = status.st_size if status else 0

    def read(self, start: int) -> bytes:
        """Return all that follows a position; nothing if the segment ends before it."""
        return b"" if self._file is None else _read(self._file, start, self.size)

    def read_lines(self, starts: Sequence[int]) -> list[bytes]:
        """Return the lines, without their breaks, that begin at some positions, which are in ascending order."""
        if not starts or self._file is None:
            return []
        if len(starts) * _PIECE < self.size - starts[0]:
            return [_read_line(self._file, start) for start in starts]
        content = self.read(starts[0])
        return [content[start - starts[0] :].partition(b"\n")[0] for start in starts]


@contextmanager
def open_view(path: Path) -> Iterator[SegmentView]:
    """Open a segment, which need not be there, for reading; raise ``StoreUnavailable``."""
    try:
        with ExitStack() as stack:
            rewrites = count_rewrites(path.parent)
            yield SegmentView(_open(path, stack), rewrites)
    except OSError as error:
        raise file_trouble("read", path, error) from error


def note_rewrite(folder: Path) -> None:
    """Let a size grow by which readers that go on from a position see that they must begin anew.

    The file is made with its folder and never empty, so that there is room for one more byte on a full disk.
    """
    with (folder / _REWRITES).open("ab") as counter:
        counter.write(b".")


def count_rewrites(folder: Path) -> int:
    """Return how often a segment of this folder was rewritten."""
    path = folder / _REWRITES
    return path.stat().st_size if path.exists() else 0


def _open(path: Path, stack: ExitStack) -> int | None:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    stack.callback(os.close, descriptor)
    return descriptor


def _read(descriptor: int, start: int, end: int) -> bytes:
    pieces = []
    while start < end:
        piece = os.pread(descriptor, end - start, start)
        if not piece:
            break  # cut back meanwhile
        pieces.append(piece)
        start += len(piece)
    return b"".join(pieces)


def _read_line(descriptor: int, start: int) -> bytes:
    line = b""
    while piece := os.pread(descriptor, _PIECE, start + len(line)):
        head, found, _ = piece.partition(b"\n")
        line += head
        if found:
            break
    return line
