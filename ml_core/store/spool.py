"""Records that wait on disk while their database is away, as checksummed JSON Lines, oldest first.

    <folder>/waiting/<number>.jsonl     what waits, in the order in which it was accepted
    <folder>/position.json              how far it was replayed
    <folder>/poisoned.jsonl             what the database does not take, with the reason

A record is acknowledged when its line is durable. The position moves after the database has committed: a process that
is killed between the two leaves rows to be sent again, and the database knows them by their keys. A file is removed
when all of it was replayed, so the spool is empty when there is no file.
"""

from __future__ import annotations

import hashlib
import logging
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import RLock
from urllib.parse import urlsplit

import orjson
from filelock import FileLock, Timeout

from ml_core.errors import StoreUnavailable
from ml_core.files import file_trouble, replace_file, sync_folder
from ml_core.lines import decode_line, encode_line
from ml_core.records import GroundTruth, Prediction, SpoolStatus
from ml_core.store.json_documents import LOCK_POLL_SECONDS, LOCK_TIMEOUT_SECONDS
from ml_core.store.json_segments import append_lines
from ml_core.store.poison import PoisonedRecord, PoisonFile, damaged_line
from ml_core.store.spool_lines import Kind, LineCounter, Position, Window, read_window, waiting_line

log = logging.getLogger(__name__)
_SETTING = "ML_SPOOL__FOLDER"
_FILE_BYTES = 8_000_000  # a file that is this long is followed by another, so that replayed ones can go
_PROBE_BYTES = 4096


def spool_folder(root: Path, url: str) -> Path:
    """Return the folder of a database's own spool, so that two databases never mix; the password has no part in it."""
    parts = urlsplit(url)
    name = f"{(parts.hostname or '').lower()}:{parts.port or 3306}{parts.path}"
    return root / hashlib.sha256(name.encode()).hexdigest()[:16]


class Spool:
    """The spool in ``folder``, shared by all processes of this machine; made when something first has to wait.

    All methods raise ``StoreUnavailable`` when the folder cannot be read or written. ``window_lines`` are replayed
    before the position moves.
    """

    window_lines = 2000

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        self._poison = PoisonFile(folder / "poisoned.jsonl")
        self._waiting = folder / "waiting"
        self._position_path = folder / "position.json"
        self._guard = RLock()
        self._lock = FileLock(folder / ".lock")
        self._unsaved: Position | None = None
        self._counter = LineCounter()

    def holds_records(self) -> bool:
        """Return whether anything waits, so that what comes now must wait behind it. Costs one look into a folder."""
        return bool(self._files())

    def append(
        self,
        kind: Kind,
        model: str,
        rows: Sequence[Prediction] | Sequence[GroundTruth],
        now: datetime,
        *,
        new_ids: bool = False,
        only_behind: bool = False,
    ) -> bool:
        """Put rows durably behind what waits; with ``only_behind`` not if nothing waits any more. Return if they are.

        With ``new_ids`` the caller vouches that all ids were made just now, which spares a look-up later.
        Raises ``StoreUnavailable`` also when the spool is as full as it may be; nothing is kept then.
        """
        content = b"".join(encode_line(waiting_line(kind, model, row, now, new_id=new_ids)) for row in rows)
        with self.locked():
            if only_behind and not self._files():
                return False
            self._append(content)
        return True

    def check(self) -> None:
        """Return if the spool could take a record now."""
        with self.locked(), self._trouble("write"):
            self._refuse_beyond_limit(_PROBE_BYTES)
            with tempfile.TemporaryFile(dir=self.folder) as probe:
                probe.write(bytes(_PROBE_BYTES))  # an empty file would fit on a full disk

    def status(self) -> SpoolStatus:
        """Return how much waits since when, and how many records are set apart."""
        if not self.folder.exists():
            return SpoolStatus()
        with self.locked(), self._trouble("read"):
            poisoned, files = self._poison.count(), self._files()
            if not files:
                return SpoolStatus(poisoned=poisoned)
            start = self._start(files[0])
            sizes = [self._path(number).stat().st_size for number in files]
            lines = sum(self._counter.count(self._path(number)) for number in files)
            window = read_window(self._path(files[0]), start, sizes[0], lines=1)
            oldest = window.records[0].spooled_time if window.records else None
            return SpoolStatus(lines - start.lines, sum(sizes) - start.offset, oldest, poisoned)

    # For the one who replays

    @contextmanager
    def replaying(self, wait_seconds: float = 0.0) -> Iterator[bool]:
        """Give whether the caller is the one who replays now: no other process or thread does so meanwhile."""
        self._make_folder()
        lock = FileLock(self.folder / ".replaying.lock")
        try:
            lock.acquire(timeout=wait_seconds)
        except Timeout:
            yield False
            return
        except OSError as error:
            raise file_trouble("write", self.folder, error, _SETTING) from error
        try:
            self._unsaved = None  # others may have replayed since
            self._sweep()
            yield True
        finally:
            lock.release()

    def next_window(self) -> Window | None:
        """Return the oldest records, in their order; None if nothing waits."""
        files = self._files()
        if not files:
            return None
        path = self._path(files[0])
        with self._trouble("read"):
            with self.locked():
                size = path.stat().st_size  # what is behind it may be cut off again, if the disk fills up now
            return read_window(path, self._start(files[0]), size, lines=self.window_lines, is_newest=len(files) == 1)

    def set_apart(self, records: Sequence[PoisonedRecord]) -> None:
        """Keep records that the database does not take, durably, before the position moves past them."""
        with self.locked():
            self._poison.add(records)

    def advance(self, end: Position, now: datetime) -> None:
        """Forget what lies before ``end``: the database has it, or it was set apart."""
        with self.locked(), self._trouble("write"):
            try:
                replace_file(self._position_path, orjson.dumps(end))
                self._unsaved = None
            except OSError as error:
                # Nothing is lost, at worst rows are sent again; and going on may be what frees the disk.
                log.warning("%s", file_trouble("write", self._position_path, error, _SETTING).message)
                self._unsaved = end
            path = self._path(end.file)
            with path.open("rb") as file:
                file.seek(end.offset)
                rest = file.readline()
            if rest.endswith(b"\n"):
                return
            # What is left, if anything, is a line that was never finished nor acknowledged; or its break is damaged.
            if decode_line(rest[:-1]) is not None:
                self._poison.add([damaged_line(rest, now)])
            path.unlink()
            self._unsaved = None  # its number may come again
            self._counter.forget(path)

    # For the operator

    def poisoned(self) -> list[PoisonedRecord]:
        """Return the records that are set apart."""
        return self._poison.read()

    def forget(self, model: str, prediction_ids: Collection[str]) -> tuple[set[str], int]:
        """Take records of these predictions out of those that are set apart; return the ids found, and how many went.

        Those of what hidden versions of the model said of them go too.
        """
        if not self._poison.size():
            return set(), 0
        with self.locked():
            return self._poison.forget(model, prediction_ids)

    def requeue(self, poison_ids: Collection[str], now: datetime) -> int:
        """Put records that were set apart back to the end; return how many. Damaged lines stay where they are.

        Whoever is killed in the midst of it leaves a record in both places at worst, which does no harm.
        """
        with self.locked(), self._trouble("write"):
            chosen = [each for each in self._poison.read() if each.poison_id in poison_ids and not each.is_damaged]
            lines = [{"kind": each.kind, "model": each.model, "row": each.row, "spooled_time": now} for each in chosen]
            self._append(b"".join(map(encode_line, lines)))
            self._poison.remove({each.poison_id for each in chosen})
            return len(chosen)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the folder if need be, and keep all others from writing; who is inside may enter again."""
        with self._guard:
            self._make_folder()
            try:
                self._lock.acquire(timeout=LOCK_TIMEOUT_SECONDS, poll_interval=LOCK_POLL_SECONDS)
            except Timeout:
                raise StoreUnavailable(f"the spool {self.folder} is locked by another process; try again") from None
            except OSError as error:
                raise file_trouble("write", self.folder, error, _SETTING) from error
            try:
                yield
            finally:
                self._lock.release()

    def _append(self, content: bytes) -> None:
        if not content:
            return
        self._refuse_beyond_limit(len(content))
        files = self._files()
        if files and self._path(files[-1]).stat().st_size < _FILE_BYTES:
            path = self._path(files[-1])
        else:
            # Never a number that the position names: it would speak of another file.
            path = self._path(max([self._saved_position().file, *files]) + 1)
        try:
            append_lines(path, content)
        except StoreUnavailable:
            if path.exists() and not path.stat().st_size:
                path.unlink()  # an empty file would have everybody wait behind it
            raise

    def _refuse_beyond_limit(self, more: int) -> None:
        used = sum(self._path(number).stat().st_size for number in self._files()) + self._poison.size()
        if used + more > self.max_bytes:
            raise StoreUnavailable(
                f"the spool {self.folder} holds {used / 1e6:,.1f} of at most {self.max_bytes / 1e6:,.0f} MB: bring the "
                "database back, or set ML_SPOOL__MAX_MEGABYTES"
            )

    def _files(self) -> list[int]:
        """Return the numbers of the files in which something waits, oldest first."""
        with self._trouble("read"):
            try:
                # Beside them may lie what appending notes of a line that it cut off again.
                return sorted(int(path.stem) for path in self._waiting.iterdir() if path.stem.isdigit())
            except (FileNotFoundError, NotADirectoryError):
                return []

    def _path(self, number: int) -> Path:
        return self._waiting / f"{number:012d}.jsonl"

    def _start(self, number: int) -> Position:
        saved = self._unsaved or self._saved_position()
        return saved if saved.file == number else Position(number)

    def _saved_position(self) -> Position:
        try:
            return Position(**orjson.loads(self._position_path.read_bytes()))
        except FileNotFoundError:
            return Position(0)
        except (orjson.JSONDecodeError, TypeError):
            log.warning("%s is damaged: what waits is replayed from its beginning", self._position_path)
            return Position(0)

    def _sweep(self) -> None:
        with self.locked(), self._trouble("write"):
            for stray in self.folder.glob(".*.tmp"):  # of a process that was killed while it wrote
                stray.unlink()

    def _make_folder(self) -> None:
        with self._trouble("make"):
            if not self._waiting.exists():
                self._waiting.mkdir(parents=True, exist_ok=True)
                sync_folder(self.folder)
                sync_folder(self.folder.parent)

    @contextmanager
    def _trouble(self, verb: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise file_trouble(verb, self.folder, error, _SETTING) from error
