"""Files that are whole or not there: durable replacement, and errors that say what to do."""

from __future__ import annotations

import errno
import os
import uuid
from pathlib import Path

from ml_core.errors import StoreUnavailable


def replace_file(path: Path, content: bytes) -> None:
    """Put ``content`` in the place of ``path``, durably: a reader sees the old or the new whole, never a part.

    The temporary file is named ``.<name>.<unique>.tmp``. Raises ``OSError``; the old content is then still there.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def can_be_written(folder: Path) -> bool:
    """Return whether this process may make files in a folder, as far as rights and the file system tell."""
    return os.access(folder, os.W_OK | os.X_OK)


def file_trouble(verb: str, path: Path, error: OSError, setting: str = "ML_STORE_URL") -> StoreUnavailable:
    """Return the error that tells a user why ``path`` could not be read or written, and what to do.

    ``setting`` is the variable by which another place can be named.
    """
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreUnavailable(f"cannot {verb} {path}: the disk is full; free some space")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return StoreUnavailable(f"cannot {verb} {path}: {error.strerror}; check the rights, or set {setting}")
    return StoreUnavailable(f"cannot {verb} {path}: {error.strerror or error}")
