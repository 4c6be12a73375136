"""What the kernel tells of processes and sockets in ``/proc``."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_LISTEN = "0A"  # the state of a listening socket in /proc/net/tcp
_DEAD = frozenset("ZX")  # ended; a zombie only waits to be reaped by its parent


@dataclass(frozen=True, slots=True)
class ProcessState:
    """A process that runs. A pid is used again one day; together with the start time it is not."""

    pid: int
    start_ticks: int
    group: int
    session: int


def process_state(pid: int) -> ProcessState | None:
    """Return the state of a running process, or None if there is none of that pid, or it has ended."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name, in brackets, may hold spaces and brackets itself: what follows the last one is regular.
    fields = stat.rpartition(")")[2].split()
    if fields[0] in _DEAD:
        return None
    return ProcessState(pid, start_ticks=int(fields[19]), group=int(fields[2]), session=int(fields[3]))


def group_members(group: int) -> list[int]:
    """Return the pids of the running processes of a process group."""
    return [state.pid for state in _running() if state.group == group]


def session_members(session: int) -> list[int]:
    """Return the pids of the running processes of a session."""
    return [state.pid for state in _running() if state.session == session]


def environment_value(pid: int, variable: str) -> str | None:
    """Return a variable that a process was started with; None if it has it not, or this user may not see it."""
    try:
        environment = (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return None
    prefix = f"{variable}=".encode()
    values = [os.fsdecode(entry.removeprefix(prefix)) for entry in environment if entry.startswith(prefix)]
    return values[0] if values else None


def listener(port: int) -> tuple[int, str] | None:
    """Return pid and name of a process that listens on a TCP port, or None where this user may not see it."""
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for pid in _pids() if sockets else ():
        try:
            if any(_is_one_of(link, sockets) for link in (_PROC / str(pid) / "fd").iterdir()):
                return pid, (_PROC / str(pid) / "comm").read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            continue  # another user's process, or one that ended just now
    return None


def _running() -> Iterator[ProcessState]:
    for pid in _pids():
        state = process_state(pid)
        if state is not None:
            yield state


def _pids() -> list[int]:
    return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()]


def _is_one_of(link: Path, targets: Collection[str]) -> bool:
    try:
        return str(link.readlink()) in targets
    except FileNotFoundError:  # closed just now
        return False


def _listening_inodes(port: int) -> Iterator[str]:
    for table in ("tcp", "tcp6"):
        path = _PROC / "net" / table
        if not path.exists():  # a kernel without IPv6
            continue
        for line in path.read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9]
