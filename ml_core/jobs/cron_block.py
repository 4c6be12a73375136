"""The lines of the suite's jobs in a crontab: one marked block, made of the jobs, and nothing else of it is touched."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ml_core.errors import ConfigurationError
from ml_core.jobs.known_jobs import KnownJob

_MOST_CHARACTERS = 990  # cron takes commands of less than a thousand


@dataclass(frozen=True, slots=True)
class Place:
    """Where the suite stands: its folder, the Python to use, where logs go, and variables that cron must be told."""

    root: Path
    python: Path
    log_folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path in (self.root, self.python, self.log_folder, *self.environment.values()):
            if not str(path).isprintable():
                raise ConfigurationError(f"{str(path)!r}: a crontab cannot hold such characters; use another folder")

    def short(self, path: Path) -> str:
        """Return a path as the lines have it, which begin in the root."""
        return str(path.relative_to(self.root) if path.is_relative_to(self.root) else path)

    def log_of(self, job: KnownJob) -> Path:
        """Return the file that a job's output is appended to."""
        return self.log_folder / f"{re.sub(r'[^A-Za-z0-9_.-]+', '-', job.name)}.log"


def cron_lines(jobs: Iterable[KnownJob], place: Place) -> list[str]:
    """Return two lines a job: its name and purpose, and its call. Raises ``ConfigurationError`` for a long path.

    No variable is set, for it would hold for whatever comes after it. A shell reads each command, and before it cron,
    to which a bare % ends the line.
    """
    lines = []
    for job in jobs:
        words = [place.short(place.python), "-m", job.module, *job.arguments]
        variables = "".join(f"{name}={shlex.quote(value)} " for name, value in place.environment.items())
        log = shlex.quote(place.short(place.log_of(job)))
        command = f"cd {shlex.quote(str(place.root))} && {variables}{shlex.join(words)} >>{log} 2>&1"
        command = command.replace("%", r"\%")
        if len(command.encode()) > _MOST_CHARACTERS:
            raise ConfigurationError(f"the line of {job.name} is too long for cron: move the suite to a shorter path")
        lines += [f"# {job.name}: {job.description}", f"{job.fields:<14} {command}"]
    return lines


def cron_block(lines: Iterable[str], root: Path) -> bytes:
    """Return the lines between the marks of the suite in a folder."""
    begin, end = _marks(root)
    return "".join(f"{line}\n" for line in (begin, *lines, end)).encode()


def with_block(crontab: bytes, block: bytes, root: Path) -> bytes:
    """Return a crontab with the block, in the place of the one that it has or at its end.

    Raises ``ConfigurationError`` where marks are missing or double, for then nobody knows what is between them.
    """
    above, old, below = parts_of(crontab, root)
    joint = b"" if old or not above or above.endswith(b"\n") else b"\n"
    return above + joint + block + below


def parts_of(crontab: bytes, root: Path) -> tuple[bytes, bytes, bytes]:
    """Return what is above the block, the block, and what is below; of a crontab without one all is above.

    Raises ``ConfigurationError`` as ``with_block`` does.
    """
    begin, end = (f"{mark}\n".encode() for mark in _marks(root))
    lines = crontab.splitlines(keepends=True)
    starts = [number for number, line in enumerate(lines) if line == begin]
    ends = [number for number, line in enumerate(lines) if line == end]
    if not starts and not ends:
        return crontab, b"", b""
    if len(starts) != 1 or len(ends) != 1 or starts > ends:
        raise ConfigurationError(
            f"the crontab has not one {begin.decode().strip()!r} with one {end.decode().strip()!r} after it: "
            "mend it with crontab -e"
        )
    first, last = starts[0], ends[0] + 1
    return b"".join(lines[:first]), b"".join(lines[first:last]), b"".join(lines[last:])


def has_block(crontab: bytes, root: Path) -> bool:
    """Return whether a crontab calls the jobs of the suite in a folder."""
    return _marks(root)[0].encode() in crontab.splitlines()


def _marks(root: Path) -> tuple[str, str]:
    return f"# >>> jobs of {root} >>>", f"# <<< jobs of {root} <<<"
