"""Records of the embedded store: append-only JSON Lines, one file a day, each line with its own checksum.

A line is a JSON object whose last key ``crc`` is the CRC-32C of the line without it, so ``jq`` and ``cat`` still work.
A writer that was killed leaves at most one line without its end: readers pass over it, the next writer cuts it off.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ml_core.errors import StoreUnavailable
from ml_core.files import can_be_written, file_trouble, sync_folder
from ml_core.lines import cut_torn_tail, decode_line, encode_line, is_whole, write_all
from ml_core.store.json_archives import encode_head, encode_members
from ml_core.store.json_documents import LOCK_POLL_SECONDS, LOCK_TIMEOUT_SECONDS
from ml_core.store.json_views import SegmentView, archive_of, change_file, note_rewrite, open_view

log = logging.getLogger(__name__)
_MOST_WHOLE = 20_000
_whole: dict[Path, tuple[tuple[int, ...], int]] = {}
"""Segments all of whose lines were found whole by this process, each with its state and size then."""


def read_segment(path: Path, offset: int = 0, starts: tuple[bytes, ...] = ()) -> tuple[list[dict[str, Any]], int]:
    """Return the rows from ``offset`` on, and the offset behind the last whole line; none for a missing file.

    With ``starts`` only rows whose line begins with one of them: no other is parsed. A damaged line is passed over and
    logged: it is not silent, and it takes no other line with it. The checksums of lines that are not asked for, of
    which the beginning may be what is damaged, are looked at when a process first reads them.
    """
    with open_view(path) as view:
        return _rows(path, view, offset, starts)


def _rows(
    path: Path, view: SegmentView, offset: int, starts: tuple[bytes, ...] = ()
) -> tuple[list[dict[str, Any]], int]:
    content = view.read(offset)
    end = content.rfind(b"\n") + 1
    lines = content[:end].split(b"\n")[:-1]
    rows = []
    if starts and _whole.get(path) == (view.state, end) and not offset:
        lines = [line for line in lines if line.startswith(starts)]
    damaged = 0
    for number, line in enumerate(lines):
        if starts and not line.startswith(starts) and is_whole(line):
            continue
        row = decode_line(line)
        if row is None:
            damaged += 1
            log.warning("%s: line %d after byte %d is damaged and was passed over", path, number + 1, offset)
        else:
            rows.append(row)
    if starts and not damaged and not offset:
        while len(_whole) >= _MOST_WHOLE:
            _whole.pop(next(iter(_whole)), None)
        _whole[path] = (view.state, end)
    if decode_line(content[end:-1]) is not None:
        log.warning("%s: the break after the last line is damaged, and the line was passed over", path)
    return rows, offset + end


def each_line(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of a plain segment with the byte at which each begins; the last may lack its break.

    None for a missing file. Raises ``StoreUnavailable``.
    """
    try:
        with path.open("rb") as file:
            start = 0
            for line in file:
                yield start, line
                if not line.endswith(b"\n"):
                    return  # what a writer may have added to it since is not a line of its own
                start += len(line)
    except FileNotFoundError:
        return
    except OSError as error:
        raise file_trouble("read", path, error) from error


def each_row(path: Path) -> Iterator[dict[str, Any]]:
    """Yield what ``read_segment`` returns, one row at a time."""
    with open_view(path) as view:
        for start, line in view.each_line():
            row = decode_line(line[:-1]) if line.endswith(b"\n") else None
            if row is not None:
                yield row
            elif line.endswith(b"\n"):
                log.warning("%s: the line at byte %d is damaged and was passed over", path, start)
            elif decode_line(line[:-1]) is not None:
                log.warning("%s: the break after the last line is damaged, and the line was passed over", path)


def append_to_segment(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Append rows durably, all in one write; the caller holds the folder's lock. Raises ``StoreUnavailable``."""
    append_lines(path, b"".join(encode_line(row) for row in rows))


def append_lines(path: Path, content: bytes) -> None:
    """Append lines that are encoded already, as ``append_to_segment`` does."""
    append_together(path.parent, {path.name: content})


def append_together(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Append lines to segments of one folder by name, each with one write and one fsync, in their order.

    The caller holds the folder's lock. Should the disk fill up midway all of them are cut back to what they were, and
    ``StoreUnavailable`` is raised.
    """
    path, begun, any_is_new = folder, list[tuple[int, int]](), False
    try:
        with ExitStack() as stack:
            try:
                for name, content in contents.items():
                    if not content:
                        continue
                    path = folder / name
                    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
                    stack.callback(os.close, descriptor)
                    start = cut_torn_tail(descriptor, path)
                    begun.append((descriptor, start))
                    any_is_new = any_is_new or start == 0
                    write_all(descriptor, content)
                    os.fsync(descriptor)
                if any_is_new:
                    sync_folder(folder)
            except OSError:
                _cut_back(folder, begun)
                raise
    except OSError as error:
        raise file_trouble("write", path, error) from error


def _cut_back(folder: Path, begun: Sequence[tuple[int, int]]) -> None:
    """Cut files to what they were; one that cannot be cut keeps rows that nobody was told are stored."""
    try:
        for descriptor, start in reversed(begun):
            os.ftruncate(descriptor, start)
        note_rewrite(folder)  # a reader may have read on through what was cut
    except OSError as error:
        log.error("%s: what was not written whole could not be cut off: %s", folder, error)


def rewrite_segment(path: Path, keep: Callable[[dict[str, Any]], bool]) -> int:
    """Take the rows that are not to be kept out of a segment and its archive, for good; return how many went.

    The caller holds the folder's lock. Lines that are kept stay as they are, damaged ones too; a file of which no line
    is left is removed. Raises ``StoreUnavailable``; each file is then as it was, or done.
    """
    try:
        _finish_merging(path)
        return _rewrite_archive(path, keep) + _rewrite_plain(path, keep)
    except OSError as error:
        raise file_trouble("write", path, error) from error


def _finish_merging(path: Path) -> None:
    """Cut off what lies in the archive too: an archive that is rewritten no longer says so."""
    with open_view(path) as view:
        merged, rest = view.passed_over, view.read_plain()
    if merged:
        change_file(path, rest)


def _rewrite_archive(path: Path, keep: Callable[[dict[str, Any]], bool]) -> int:
    members, gone = list[bytes](), 0
    with open_view(path) as view:
        archive = view.archive
        if archive is None:
            return 0
        for member in archive.members:
            lines = archive.lines_of(member).split(b"\n")[:-1]
            kept = _kept(lines, keep)
            gone += len(lines) - len(kept)
            changed = b"".join(line + b"\n" for line in kept)
            members.append(archive.raw(member) if len(kept) == len(lines) else encode_members(changed))
    if gone:
        rest = b"".join(members)
        change_file(archive_of(path), encode_head(b"") + rest if rest else b"")
    return gone


def _rewrite_plain(path: Path, keep: Callable[[dict[str, Any]], bool]) -> int:
    with open_view(path) as view:
        *lines, torn_tail = view.read_plain().split(b"\n")
    kept = _kept(lines, keep)
    if len(kept) < len(lines):
        change_file(path, b"\n".join([*kept, torn_tail]))
    return len(lines) - len(kept)


def _kept(lines: Iterable[bytes], keep: Callable[[dict[str, Any]], bool]) -> list[bytes]:
    return [line for line in lines if (row := decode_line(line)) is None or keep(row)]


def sweep_segments(records: Path) -> None:
    """Remove what processes that were killed while they rewrote a segment have left below a folder.

    Where nothing can be written it stays: no reader takes it for a segment.
    """
    for folder in {stray.parent for stray in records.rglob(".*.tmp")}:
        if not can_be_written(folder):
            continue
        with segment_lock(folder):  # one that lives holds it until its file is in place
            for stray in folder.glob(".*.tmp"):
                stray.unlink()


class SegmentReader:
    """Reads a segment that grows, each time on from where the last read ended."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0
        self._state: tuple[int, ...] | None = None

    def read_on(self) -> tuple[list[dict[str, Any]], bool]:
        """Return the rows that are new, and whether they are all there are: the segment was rewritten since."""
        with open_view(self.path) as view:
            restarted = view.state != self._state or view.size < self._offset
            if restarted:
                self._offset, self._state = 0, view.state
            rows, self._offset = _rows(self.path, view, self._offset)
        return rows, restarted


@contextmanager
def segment_lock(folder: Path) -> Iterator[None]:
    """Make the folder if need be, and keep other writers out of it; raise ``StoreUnavailable``."""
    try:
        if not folder.exists():
            folder.mkdir(parents=True, exist_ok=True)
            note_rewrite(folder)
            sync_folder(folder.parent)
        lock = FileLock(folder / ".lock")  # a lock of its own each time, so that threads exclude each other too
        lock.acquire(timeout=LOCK_TIMEOUT_SECONDS, poll_interval=LOCK_POLL_SECONDS)
    except Timeout:
        raise StoreUnavailable(f"{folder.name} is locked by another process; try again") from None
    except OSError as error:
        raise file_trouble("write", folder, error) from error
    try:
        yield
    finally:
        lock.release()
