"""What an instance knows of its own memory, swap and disk: ``/proc/meminfo`` and ``statvfs``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ml_core.errors import ConfigurationError

_MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Usage:
    """Bytes in all and in use."""

    total: int
    used: int

    @property
    def percent(self) -> float:
        """The share in use; 0 of nothing, as of a machine without swap."""
        return 100.0 * self.used / self.total if self.total else 0.0

    @property
    def used_megabytes(self) -> float:
        """What is in use, in units of 1024 * 1024 bytes, as the old scripts said it."""
        return self.used / _MEGABYTE

    @property
    def available_megabytes(self) -> float:
        """What is not in use, in the same unit."""
        return (self.total - self.used) / _MEGABYTE


def read_memory(meminfo: Path, *, with_caches: bool = False) -> tuple[Usage, Usage]:
    """Return memory and swap of a file like ``/proc/meminfo``.

    Caches and buffers are given back when they are needed, so they are in use only ``with_caches``. Raises
    ``ConfigurationError`` if the file is not there or lacks a line.
    """
    try:
        bytes_by_name = _parse(meminfo.read_text(encoding="ascii"))
    except OSError as error:
        raise ConfigurationError(f"cannot read {meminfo}: {error.strerror}; is this Linux?") from None
    try:
        total = bytes_by_name["MemTotal"]
        free = bytes_by_name["MemFree"] if with_caches else _available(bytes_by_name)
        swap = Usage(bytes_by_name["SwapTotal"], bytes_by_name["SwapTotal"] - bytes_by_name["SwapFree"])
    except KeyError as error:
        raise ConfigurationError(f"{meminfo} has no line {error.args[0]}") from None
    return Usage(total, total - free), swap


def read_disk(path: str) -> Usage:
    """Return the file system that ``path`` is on, as ``df`` shows it to users; raise ``ConfigurationError``."""
    try:
        stat = os.statvfs(path)
    except OSError as error:
        raise ConfigurationError(f"cannot look at the disk of {path}: {error.strerror}") from None
    used = (stat.f_blocks - stat.f_bfree) * stat.f_frsize
    return Usage(used + stat.f_bavail * stat.f_frsize, used)


def _available(bytes_by_name: Mapping[str, int]) -> int:
    if "MemAvailable" in bytes_by_name:
        return bytes_by_name["MemAvailable"]
    # Kernels before 3.14 did not say it; the old scripts reckoned so.
    return bytes_by_name["MemFree"] + bytes_by_name["Buffers"] + bytes_by_name["Cached"]


def _parse(text: str) -> dict[str, int]:
    """Return bytes by name; lines are like ``MemTotal:  16384 kB``, and what is not is of no use here."""
    found = {}
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if len(words) == 2 and words[1] == "kB" and words[0].isdigit():
            found[name] = int(words[0]) * 1024
    return found
