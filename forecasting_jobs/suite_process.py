"""Runs commands of the suite as processes of their own: the way to another app that is not through the store."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

from ml_core.config import project_root
from ml_core.errors import SuiteError

DEADLINE_SECONDS = 1800
_LINES_TOLD = 3


class CommandFailed(SuiteError):
    """A command of the suite ended with an error."""

    code = "command_failed"


def suite_environ() -> dict[str, str]:
    """Return the environment that commands inherit."""
    return dict(os.environ)


def run_suite(command: Sequence[str], environ: Mapping[str, str] | None = None) -> str:
    """Run ``python -m <command>`` with ``environ`` beside the environment; return what it wrote to its output.

    Raises ``CommandFailed`` with its last lines if it ended with another code than 0, or not at all.
    """
    named = " ".join(command[:4])
    try:
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=project_root(),
            env={**suite_environ(), **(environ or {})},
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CommandFailed(f"{named} did not end within {DEADLINE_SECONDS} s") from None
    if done.returncode != 0:
        raise failure(command, done.returncode, done.stdout, done.stderr)
    return done.stdout


def failure(command: Sequence[str], code: int, output: str, errors: str) -> CommandFailed:
    """Return the error of a command that ended with ``code``, told by the last lines that it wrote."""
    said = (errors.strip() or output.strip()).splitlines()[-_LINES_TOLD:]
    return CommandFailed(f"{' '.join(command[:4])} ended with {code}: {'; '.join(said)}")
