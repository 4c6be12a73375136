"""A backup: one tar.gz with a copy of the store as JSON files, the artifacts, and a manifest that hashes them all.

    store/...        an embedded store, whatever kind the original is
    artifacts/...    the files of trained models
    manifest.json    last: what the archive is, when it was made, SHA-256 and size of every member, records by kind

Behind it stands a seal, the SHA-256 of all bytes before it, in the form of an empty part of the gzip, which other
programs pass over. So the smallest damage shows before anything is unpacked.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import io
import os
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

import orjson

from ml_core.clock import format_time
from ml_core.errors import Conflict
from ml_core.files import file_trouble, sync_folder
from ml_core.store.base import Store
from ml_core.store.copying import CopyReport, copy_store, count_kinds
from ml_core.store.json_store import JsonStore
from ml_core.store.progress import Progress

FORMAT = "ml-monitoring-suite backup"
FORMAT_VERSION = 1
MANIFEST = "manifest.json"
STORE, ARTIFACTS = "store", "artifacts"
_COMPRESSION = 6
_SEAL_HEAD = b"\x1f\x8b\x08\x10\x00\x00\x00\x00\x00\xff"  # of gzip: deflated, with a comment, without time
_SEAL_END = b"\x00\x03\x00" + bytes(8)  # the end of the comment, nothing deflated, its checksum and its length


@dataclass
class _Archive:
    """A tar that is written, with what its manifest will say of the members."""

    tar: tarfile.TarFile
    members: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, path: Path, name: str) -> None:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            content = _Hashed(file)
            member = tarfile.TarInfo(name)
            member.size, member.mode = size, 0o644
            self.tar.addfile(member, content)  # fails if the file has become shorter
        self.members[name] = {"sha256": content.sha256.hexdigest(), "size": size}

    def add_manifest(self, content: bytes) -> None:
        member = tarfile.TarInfo(MANIFEST)
        member.size, member.mode = len(content), 0o644
        self.tar.addfile(member, io.BytesIO(content))


class _Hashed(io.RawIOBase):
    """A file that hashes what is read of it."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._file = file
        self.sha256 = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        content = self._file.read(size)
        self.sha256.update(content)
        return content


def seal(sha256: str) -> bytes:
    """Return what ends a backup whose bytes before it have this hash: an empty gzip member with it as the comment."""
    return _SEAL_HEAD + f"sha256 {sha256}".encode() + _SEAL_END


def back_up(store: Store, artifacts: Path | None, file: Path, now: datetime, progress: Progress) -> CopyReport:
    """Write all of ``store``, and the folder ``artifacts`` unless it is None, to ``file``; return what was copied.

    ``file`` appears whole and durable or not at all; one of that name is replaced then. What is recorded meanwhile may
    or may not be in it. Raises ``StoreUnavailable``, and ``Conflict`` if another backup to ``file`` is under way.
    """
    try:
        with _work_folder(file) as folder:
            copy = JsonStore(folder / STORE)
            report = copy_store(store, copy, progress)
            _pack(folder, artifacts, now, count_kinds(copy), progress)
            (folder / "archive").replace(file)
            sync_folder(file.parent)
    except OSError as error:
        raise file_trouble("write", file, error) from error
    return report


def _pack(folder: Path, artifacts: Path | None, now: datetime, counts: dict[str, int], progress: Progress) -> None:
    names = _members(folder / STORE, STORE)
    if artifacts is not None:
        # Read after the store: a version that is in it had its files before.
        names |= _members(artifacts, ARTIFACTS)
    with (folder / "archive").open("x+b") as raw:
        with (
            gzip.GzipFile(filename="", mode="wb", compresslevel=_COMPRESSION, fileobj=raw, mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
        ):
            archive = _Archive(tar)
            for done, (name, path) in enumerate(names.items(), start=1):
                archive.add(path, name)
                progress("files", done, len(names))
            manifest = {
                "format": FORMAT,
                "format_version": FORMAT_VERSION,
                "created_time": format_time(now),
                "suite_version": version("ml-monitoring-suite"),
                "counts": counts,
                "members": archive.members,
            }
            archive.add_manifest(orjson.dumps(manifest, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        raw.seek(0)
        raw.write(seal(hashlib.file_digest(raw, "sha256").hexdigest()))
        raw.flush()
        os.fsync(raw.fileno())


def _members(folder: Path, prefix: str) -> dict[str, Path]:
    """Return the files below a folder by their names in the archive: no locks, and nothing that is unfinished."""
    return {
        f"{prefix}/{path.relative_to(folder).as_posix()}": path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not path.is_symlink()
        and path.suffix != ".lock"
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }


@contextmanager
def _work_folder(file: Path) -> Iterator[Path]:
    """Give an empty folder beside ``file``; what a killed backup left in it is removed first.

    The folder is locked for as long as this process lives, which a lock file would not outlast by itself.
    """
    folder = file.with_name(f".{file.name}.unfinished")
    folder.mkdir(exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for left in folder.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        try:
            yield folder
        finally:
            shutil.rmtree(folder)
    except BlockingIOError:
        raise Conflict(f"another backup to {file} is under way") from None
    finally:
        os.close(descriptor)
