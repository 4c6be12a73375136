"""A segment of the embedded store as it is at one moment: what is read of it belongs together, whoever rewrites it now.

Positions are bytes from its beginning. What grows at the end keeps them; all else changes the view's ``state``.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import crc32c

from ml_core.files import file_trouble, replace_file, sync_folder
from ml_core.store.json_archives import Archive, lines_at

_REWRITES = ".rewrites"
_PIECE = 1024
_BLOCK = 65_536


class SegmentView:
    """An open segment, its archive's lines first.

    ``state`` differs from an earlier view's if positions of that one say nothing here; ``archived`` of the ``size``
    bytes lie in the archive; ``passed_over`` are those with which the plain segment begins that lie there too.
    """

    def __init__(self, plain: int | None, archive: int | None, rewrites: int) -> None:
        self._plain = plain
        self.archive = None if archive is None else Archive(archive)
        self._plain_size = 0 if plain is None else os.fstat(plain).st_size
        self.archived = 0 if self.archive is None else self.archive.size
        self.passed_over = self._count_passed_over()
        self.size = self.archived + self._plain_size - self.passed_over
        self.state = (rewrites, _inode(plain), _inode(archive), self.passed_over)

    def read(self, start: int) -> bytes:
        """Return all that follows a position; nothing if the segment ends before it."""
        content = self._read_plain(max(0, start - self.archived) + self.passed_over, self._plain_size)
        if self.archive is not None and start < self.archived:
            return self.archive.read(start) + content
        return content

    def read_lines(self, starts: Sequence[int]) -> list[bytes]:
        """Return the lines, without their breaks, that begin at some positions, which are in ascending order."""
        number = bisect_left(starts, self.archived)
        lines = self.archive.read_lines(starts[:number]) if self.archive is not None else []
        return lines + self._read_plain_lines([start - self.archived + self.passed_over for start in starts[number:]])

    def each_line(self) -> Iterator[tuple[int, bytes]]:
        """Yield all lines with their breaks and positions, without holding them all; the last may lack its break."""
        start, rest = 0, b""
        for block in self._blocks():
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                yield start, line + b"\n"
                start += len(line) + 1
        if rest:
            yield start, rest

    def read_plain(self) -> bytes:
        """Return all of the plain segment that is not in the archive."""
        return self._read_plain(self.passed_over, self._plain_size)

    def read_passed_over(self) -> bytes:
        """Return what the plain segment begins with that lies in the archive too."""
        return self._read_plain(0, self.passed_over)

    def _blocks(self) -> Iterator[bytes]:
        if self.archive is not None:
            yield from map(self.archive.lines_of, self.archive.members)
        place = self.passed_over
        while block := self._read_plain(place, min(place + _BLOCK, self._plain_size)):
            yield block
            place += len(block)

    def _count_passed_over(self) -> int:
        merged = self.archive.merged_bytes if self.archive is not None else 0
        if self.archive is None or not 0 < merged <= self._plain_size:
            return 0
        return merged if crc32c.crc32c(self._read_plain(0, merged)) == self.archive.merged_checksum else 0

    def _read_plain(self, start: int, end: int) -> bytes:
        return b"" if self._plain is None else _read(self._plain, start, end)

    def _read_plain_lines(self, starts: Sequence[int]) -> list[bytes]:
        if not starts or self._plain is None:
            return []
        if len(starts) * _PIECE < self._plain_size - starts[0]:
            return [_read_line(self._plain, start) for start in starts]
        content = self._read_plain(starts[0], self._plain_size)
        return lines_at(content, [start - starts[0] for start in starts])


@contextmanager
def open_view(path: Path) -> Iterator[SegmentView]:
    """Open a segment in both forms, neither of which need be there, for reading; raise ``StoreUnavailable``.

    One change may come between opening the two and does no harm: what moves from the plain form into the archive is in
    both for a while, and the archive says so. If there may have been more changes, both are opened again.
    """
    try:
        while True:
            with ExitStack() as stack:
                rewrites = count_rewrites(path.parent)
                plain, archive = _open(path, stack), _open(archive_of(path), stack)
                if rewrites == count_rewrites(path.parent):
                    yield SegmentView(plain, archive, rewrites)
                    return
    except OSError as error:
        raise file_trouble("read", path, error) from error


def archive_of(path: Path) -> Path:
    """Return where the archive of a segment lies."""
    return path.with_name(f"{path.name}.gz")


def list_segments(folder: Path, pattern: str = "*.jsonl") -> list[Path]:
    """Return the segments of a folder by name, also those of which there is but an archive."""
    # In this order: a plain segment goes when its archive is in place.
    plain = set(folder.glob(pattern))
    return sorted(plain | {path.with_suffix("") for path in folder.glob(f"{pattern}.gz")})


def change_file(path: Path, content: bytes) -> None:
    """Replace one form of a segment, or remove it if nothing is left of it; the caller holds the folder's lock.

    It is noted before, for those who have opened one form and not yet the other, and after, for those who have read on
    in between. Raises ``OSError``.
    """
    note_rewrite(path.parent)
    if content:
        replace_file(path, content)
    else:
        path.unlink()
        sync_folder(path.parent)
    note_rewrite(path.parent)


def note_rewrite(folder: Path) -> None:
    """Let a size grow by which readers that go on from a position see that they must begin anew.

    The file is made with its folder and never empty, so that there is room for one more byte on a full disk.
    """
    with (folder / _REWRITES).open("ab") as counter:
        counter.write(b".")


def count_rewrites(folder: Path) -> int:
    """Return how often a segment of this folder was rewritten."""
    try:
        return (folder / _REWRITES).stat().st_size
    except FileNotFoundError:
        return 0


def _open(path: Path, stack: ExitStack) -> int | None:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    stack.callback(os.close, descriptor)
    return descriptor


def _inode(descriptor: int | None) -> int:
    return 0 if descriptor is None else os.fstat(descriptor).st_ino


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
