"""Puts a backup back: everything is unpacked and compared with its manifest before anything is written.

A backup that was damaged, cut or made by something else is refused whole.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import tarfile
import tempfile
import uuid
import zlib
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import IO, Any, NoReturn

import orjson

from ml_core.errors import Conflict, InvalidInput
from ml_core.files import file_trouble, sync_folder
from ml_core.store.backup import ARTIFACTS, FORMAT, FORMAT_VERSION, MANIFEST, STORE, seal
from ml_core.store.base import Store
from ml_core.store.copying import CopyReport, copy_store, count_kinds
from ml_core.store.json_store import JsonStore
from ml_core.store.progress import Progress

_SEAL_BYTES = len(seal("0" * 64))
_BLOCK = 1024 * 1024
_DAMAGE = (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error, UnicodeError)


def restore(file: Path, store: Store, artifacts: Path, progress: Progress) -> CopyReport:
    """Put the backup ``file`` into an empty ``store`` and the folder ``artifacts``; return what was copied.

    Raises ``InvalidInput`` for what is not a whole backup, and ``Conflict`` if the store is not empty or the folder
    holds a file of another content, with nothing written. Files that are there already and equal are left.
    """
    if held := {kind: number for kind, number in count_kinds(store).items() if number}:
        shown = ", ".join(f"{number:,} {kind}" for kind, number in held.items())
        raise Conflict(f"the store is not empty ({shown}); restore into an empty one, or use copy to add to it")
    with tempfile.TemporaryDirectory(prefix="restore-") as name:
        folder = Path(name)
        manifest = _unpack(file, folder)
        new = _new_artifacts(folder / ARTIFACTS, artifacts)
        with closing(JsonStore(folder / STORE)) as copy:
            # A kind of which there is nothing may be one that the program of that backup did not know.
            if _some(counts := count_kinds(copy)) != _some(manifest["counts"]):
                _refuse(file, f"it holds {counts}, its manifest says {manifest['counts']}")
            for done, source in enumerate(new, start=1):
                _put(source, artifacts / source.relative_to(folder / ARTIFACTS))
                progress("artifacts", done, len(new))
            return copy_store(copy, store, progress)


def _unpack(file: Path, folder: Path) -> Mapping[str, Any]:
    """Unpack ``file`` and return its manifest, which is all true."""
    found: dict[str, dict[str, Any]] = {}
    try:
        with file.open("rb") as raw:
            _check_seal(file, raw)
            raw.seek(0)
            with gzip.GzipFile(fileobj=raw) as packed, tarfile.open(fileobj=packed, mode="r|") as tar:
                for member in tar:
                    found[member.name] = _unpack_member(file, tar, member, folder)
    except _DAMAGE as error:
        _refuse(file, f"it cannot be unpacked: {error}")
    except OSError as error:
        raise file_trouble("read", Path(error.filename or file), error) from error
    manifest = _read_manifest(file, folder / MANIFEST)
    del found[MANIFEST]
    if found != manifest["members"]:
        names = sorted(
            name for name in {*found, *manifest["members"]} if found.get(name) != manifest["members"].get(name)
        )
        _refuse(file, f"{names[0]} is not what its manifest says")
    return manifest


def _check_seal(file: Path, raw: IO[bytes]) -> None:
    sha256, rest = hashlib.sha256(), max(0, raw.seek(0, os.SEEK_END) - _SEAL_BYTES)
    raw.seek(0)
    while rest:
        block = raw.read(min(_BLOCK, rest))
        sha256.update(block)
        rest -= len(block)
    if raw.read() != seal(sha256.hexdigest()):
        _refuse(file, "it was damaged or cut, or is none")


def _unpack_member(file: Path, tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> dict[str, Any]:
    path = PurePosixPath(member.name)
    inside = not path.is_absolute() and ".." not in path.parts and "\0" not in member.name
    content = tar.extractfile(member) if member.isreg() else None  # neither links nor devices
    if not inside or content is None or (member.name != MANIFEST and path.parts[:1] not in ((STORE,), (ARTIFACTS,))):
        _refuse(file, f"no backup has a member {member.name!r}")
    target = folder / path
    if target.exists():
        _refuse(file, f"{member.name!r} is in it twice")
    target.parent.mkdir(parents=True, exist_ok=True)
    with content, target.open("xb") as unpacked:
        return {"sha256": _copy_hashed(content, unpacked), "size": member.size}


def _read_manifest(file: Path, path: Path) -> dict[str, Any]:
    if not path.exists():
        _refuse(file, f"it has no {MANIFEST}")
    try:
        manifest = orjson.loads(path.read_bytes())
        facts = (manifest["format"], manifest["format_version"])
        complete = isinstance(manifest["members"], dict) and isinstance(manifest["counts"], dict)
    except (orjson.JSONDecodeError, KeyError, TypeError):
        _refuse(file, f"its {MANIFEST} is not one")
    if facts != (FORMAT, FORMAT_VERSION) or not complete:
        _refuse(file, f"its format is {facts[0]!r} {facts[1]}, not {FORMAT!r} {FORMAT_VERSION}")
    return dict(manifest)


def _new_artifacts(unpacked: Path, artifacts: Path) -> list[Path]:
    """Return the unpacked files that ``artifacts`` does not hold; raise ``Conflict`` if it holds another content."""
    new = []
    for source in sorted(path for path in unpacked.rglob("*") if path.is_file()):
        target = artifacts / source.relative_to(unpacked)
        try:
            if not target.exists():
                new.append(source)
            elif _sha256(target) != _sha256(source):
                raise Conflict(f"{target} is there with another content than in the backup; nothing was restored")
        except OSError as error:
            raise file_trouble("read", target, error) from error
    return new


def _put(source: Path, target: Path) -> None:
    """Copy a file so that it is whole or not there."""
    unfinished = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with source.open("rb") as content, unfinished.open("xb") as file:
            shutil.copyfileobj(content, file)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(target)
        sync_folder(target.parent)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise file_trouble("write", target, error) from error


def _some(counts: Mapping[str, int]) -> dict[str, int]:
    return {kind: number for kind, number in counts.items() if number}


def _copy_hashed(content: IO[bytes], target: IO[bytes]) -> str:
    sha256 = hashlib.sha256()
    while block := content.read(_BLOCK):
        sha256.update(block)
        target.write(block)
    return sha256.hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _refuse(file: Path, found: str) -> NoReturn:
    raise InvalidInput(f"{file} is not a backup that can be restored: {found}; nothing was written")
