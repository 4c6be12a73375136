"""The crontab of the user who calls, by the program ``crontab``: read and written as bytes."""

from __future__ import annotations

import os
import shutil
import subprocess

from ml_core.errors import ConfigurationError


def read_crontab() -> bytes:
    """Return the user's crontab, empty if there is none; raise ``ConfigurationError`` where it cannot be read."""
    done = _crontab("-l")
    if done.returncode == 0:
        return done.stdout
    said = done.stderr.decode(errors="replace").strip()
    if "no crontab" in said:
        return b""
    raise ConfigurationError(f"the crontab cannot be read: {said or f'crontab ended with {done.returncode}'}")


def write_crontab(content: bytes) -> None:
    """Make the user's crontab this, or none if it is empty; raise ``ConfigurationError`` if cron does not take it."""
    done = _crontab("-", content) if content else _crontab("-r")
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()
        raise ConfigurationError(f"the crontab cannot be written: {said or f'crontab ended with {done.returncode}'}")


def _crontab(argument: str, content: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    program = shutil.which("crontab")
    if program is None:
        raise ConfigurationError(
            "there is no program crontab here: install cron, or let python -m forecasting_jobs schedule call the jobs"
        )
    environment = os.environ | {"LC_ALL": "C"}
    return subprocess.run([program, argument], input=content, capture_output=True, env=environment, check=False)
