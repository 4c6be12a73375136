"""The format of the embedded store's folder, and the steps that bring an older one to this program's.

``format.json`` names the format. An older store is brought up to date when it is opened, by one process while others
wait; each step may be repeated, and the file is rewritten after each, so that it does not matter where one was killed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import orjson
from filelock import FileLock, Timeout

from ml_core.errors import StoreUnavailable
from ml_core.files import file_trouble, replace_file
from ml_core.store.json_documents import LOCK_POLL_SECONDS, LOCK_TIMEOUT_SECONDS
from ml_core.store.json_views import count_rewrites, note_rewrite

FORMAT = 3
"""The format that this program reads and writes."""

_FILE, _LOCK = "format.json", "format.lock"


def bring_up_to_date(folder: Path) -> list[int]:
    """Make the folder of an empty store, or bring one to ``FORMAT``; return the formats that this call has reached.

    Raises ``StoreUnavailable``, also for a store of a newer program and a damaged ``format.json``; it is left as it is.
    """
    reached = list[int]()
    try:
        if _read(folder) == FORMAT:
            return []
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / _LOCK)
        lock.acquire(timeout=LOCK_TIMEOUT_SECONDS, poll_interval=LOCK_POLL_SECONDS)
        try:
            while (found := _read(folder)) < FORMAT:
                _STEPS[found](folder)
                replace_file(folder / _FILE, orjson.dumps({"format": found + 1}) + b"\n")
                reached.append(found + 1)
        finally:
            lock.release()
    except Timeout:
        raise StoreUnavailable(f"{folder} is being brought to format {FORMAT} by another process; try again") from None
    except OSError as error:
        raise file_trouble("write", folder, error) from error
    return reached


def pending_formats(folder: Path) -> list[int]:
    """Return the formats that ``bring_up_to_date`` would reach, and change nothing; raise ``StoreUnavailable``."""
    try:
        return list(range(_read(folder) + 1, FORMAT + 1))
    except OSError as error:
        raise file_trouble("read", folder, error) from error


def _read(folder: Path) -> int:
    """Return the format of a store; 1 if it does not say, as a new one, for which the steps find nothing to do."""
    path = folder / _FILE
    try:
        found = orjson.loads(path.read_bytes())["format"]
    except FileNotFoundError:
        return 1
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise StoreUnavailable(f"{path} is damaged; expected {{'format': {FORMAT}}}") from None
    if type(found) is not int or not 1 <= found <= FORMAT:
        raise StoreUnavailable(f"the store in {folder} has format {found}, this version of the suite reads {FORMAT}")
    return found


def _count_from_the_start(folder: Path) -> None:
    """Reach format 2, in which days may be archives.

    A program that knows format 1 alone would not see these days. What there is stays as it is; but each folder of
    segments gets its counter of rewrites, which used to be made when the first was due, for which a full disk has no
    room.
    """
    for segments in {path.parent for path in (folder / "records").rglob("*.jsonl") if path.is_file()}:
        if not count_rewrites(segments):
            note_rewrite(segments)


def _leave_as_it_is(folder: Path) -> None:
    """Reach format 3, in which predictions may have scores by class; a program that knows format 2 could not read them.

    Rows without them are written as they were.
    """


_STEPS: Mapping[int, Callable[[Path], None]] = {1: _count_from_the_start, 2: _leave_as_it_is}
"""What leads from a format to the next."""
