"""Documents of the embedded store: few, changing rows (models, versions) in TinyDB files that several processes share.

Stock TinyDB rewrites its file in place and remembers the next id, so that four processes inserting at once keep
nothing. Here a lock is held over the whole read-modify-write, the new content goes to a temporary file that replaces
the old one when it is safely on disk, and each transaction reads the file afresh. A table beside the documents holds
their checksum, so that a damaged letter is never taken for another one.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import crc32c
import orjson
from filelock import FileLock, Timeout
from tinydb import TinyDB
from tinydb.storages import Storage

from ml_core.errors import StoreUnavailable
from ml_core.files import can_be_written, file_trouble, replace_file

LOCK_TIMEOUT_SECONDS = 30.0
LOCK_POLL_SECONDS = 0.002  # a batch holds the lock for some milliseconds; filelock's own 50 would be most of the wait
_OPTIONS = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS
_CHECKSUM = "checksum"


class _SafeStorage(Storage):
    """TinyDB's view of a file: read whole, replaced whole."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> dict[str, dict[str, Any]] | None:
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        return parse_documents(content, self.path)

    def write(self, data: dict[str, dict[str, Any]]) -> None:
        with_checksum = data | {_CHECKSUM: {"1": {"crc32c": _checksum(data)}}}
        replace_file(self.path, orjson.dumps(with_checksum, option=_OPTIONS))


class DocumentFile:
    """One kind of documents in one file, readable with ``jq`` and by TinyDB itself."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock_path = path.with_suffix(".lock")
        self._guard = threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._documents: list[dict[str, Any]] = []
        if path.parent.is_dir() and not can_be_written(path.parent):
            return  # what is there can be read all the same
        with self._locked():
            for stray in path.parent.glob(f".{path.name}.*.tmp"):  # of a process that was killed while it wrote
                stray.unlink()

    def read(self) -> list[dict[str, Any]]:
        """Return all documents as they are now; the file is parsed again only if it was replaced since."""
        try:
            with self._guard:
                state = self.path.stat()
                seen = (state.st_mtime_ns, state.st_size, state.st_ino)
                if seen != self._seen:
                    tables = parse_documents(self.path.read_bytes(), self.path)
                    self._documents = list(tables.get("_default", {}).values())
                    self._seen = seen
                return self._documents
        except OSError as error:
            if isinstance(error, FileNotFoundError) and self.path.parent.is_dir():
                return []  # nothing was written yet; without its folder the whole store is away
            raise file_trouble("read", self.path, error) from error

    @contextmanager
    def transaction(self) -> Iterator[TinyDB]:
        """Give the documents for a read-modify-write that no other process can come between."""
        with self._locked():
            database = TinyDB(self.path, storage=_SafeStorage)
            try:
                yield database
            except OSError as error:
                raise file_trouble("write", self.path, error) from error
            finally:
                database.close()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self.path.parent.stat()  # raises if the folder is gone, which the lock would make anew
            lock = FileLock(self._lock_path)  # a lock of its own each time, so that threads exclude each other too
            lock.acquire(timeout=LOCK_TIMEOUT_SECONDS, poll_interval=LOCK_POLL_SECONDS)
        except Timeout:
            raise StoreUnavailable(f"{self.path.name} is locked by another process; try again") from None
        except OSError as error:
            raise file_trouble("write", self.path, error) from error
        try:
            yield
        finally:
            lock.release()


def damaged(path: Path, found: str) -> StoreUnavailable:
    """Return the error for a file that does not hold what was written to it."""
    return StoreUnavailable(f"{path} is damaged ({found}); restore it from a backup")


def parse_documents(content: bytes, path: Path) -> dict[str, dict[str, Any]]:
    """Return the documents of a file by table and number; raise ``StoreUnavailable`` if they are not as written.

    A file that was written before there were checksums, or by TinyDB itself, has none, and is taken as it is.
    """
    try:
        tables: Any = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise damaged(path, "not JSON") from None
    if not (isinstance(tables, dict) and all(_is_table(table) for table in tables.values())):
        raise damaged(path, "not documents by number")
    checksum = tables.pop(_CHECKSUM, None)
    if checksum is not None and checksum != {"1": {"crc32c": _checksum(tables)}}:
        raise damaged(path, f"not as it was written; if you edited it, take its table {_CHECKSUM!r} out")
    return tables


def _checksum(tables: dict[str, dict[str, Any]]) -> str:
    return f"{crc32c.crc32c(orjson.dumps(tables, option=_OPTIONS)):08x}"


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) and all(
        number.isdecimal() and isinstance(document, dict) for number, document in value.items()
    )
