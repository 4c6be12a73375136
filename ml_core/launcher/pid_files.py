"""The files by which processes that outlive the launcher are found again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from ml_core.files import replace_file
from ml_core.launcher.errors import LauncherError
from ml_core.launcher.proc import process_state

_SUFFIX = ".pid"


@dataclass(frozen=True, slots=True)
class Record:
    """What a pid file holds: which process it is, and the port that it was started for."""

    pid: int
    start_ticks: int
    port: int

    def is_running(self) -> bool:
        """Return whether this very process still runs, and not another one that has got its pid."""
        state = process_state(self.pid)
        return state is not None and state.start_ticks == self.start_ticks


def pid_file(run_folder: Path, name: str) -> Path:
    """Return where the record of an app is kept."""
    return run_folder / f"{name}{_SUFFIX}"


def read_record(run_folder: Path, name: str) -> Record | None:
    """Return what the pid file of an app says, or None if there is none or it is not one of ours."""
    path = pid_file(run_folder, name)
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    except OSError as error:
        raise LauncherError(f"cannot read {path}: {error.strerror}") from None
    names = [field.name for field in fields(Record)]
    if not isinstance(values, dict) or any(type(values.get(key)) is not int for key in names):
        return None
    return Record(**{key: values[key] for key in names})


def recorded(run_folder: Path) -> dict[str, Record]:
    """Return all records of a folder, by the name of the app."""
    records = {path.stem: read_record(run_folder, path.stem) for path in sorted(run_folder.glob(f"*{_SUFFIX}"))}
    return {name: record for name, record in records.items() if record is not None}


def write_record(run_folder: Path, name: str, record: Record) -> None:
    """Write the pid file of an app, whole or not at all; raise ``OSError``."""
    replace_file(pid_file(run_folder, name), json.dumps(asdict(record)).encode() + b"\n")


def forget(run_folder: Path, name: str) -> None:
    """Remove the pid file of an app."""
    pid_file(run_folder, name).unlink(missing_ok=True)
