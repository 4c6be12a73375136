"""One launcher at a time, so that two that are started together do not start the platform twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from filelock import FileLock, Timeout

from ml_core.launcher.errors import LauncherError


@contextmanager
def only_launcher(run_folder: Path) -> Iterator[None]:
    """Wait until no other launcher works on this folder, and keep others waiting meanwhile."""
    lock = FileLock(run_folder / "launcher.lock")
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            click.echo("another start or stop is under way: waiting for it")
            lock.acquire()
    except OSError as error:
        raise LauncherError(f"cannot lock {lock.lock_file}: {error.strerror}") from None
    try:
        yield
    finally:
        lock.release()
