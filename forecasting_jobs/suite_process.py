"""Runs commands of the suite as processes of their own: the way to another app that is not through the store."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

from ml_core.config import project_root
from ml_core.errors import SuiteError

_DEADLINE_SECONDS = 1800
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
            timeout=_DEADLINE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CommandFailed(f"{named} did not end within {_DEADLINE_SECONDS} s") from None
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-_LINES_TOLD:]
        raise CommandFailed(f"{named} ended with {done.returncode}: {'; '.join(said)}")
    return done.stdout
