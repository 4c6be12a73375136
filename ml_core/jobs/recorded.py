"""``python -m ml_core.jobs run NAME MODULE``: a command of the suite as a job with a history and a log."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta

from ml_core.config import project_root
from ml_core.errors import SuiteError
from ml_core.jobs.runner import Job
from ml_core.jobs.slots import Schedule

log = logging.getLogger(__name__)
_MESSAGE_CHARACTERS = 200


def recorded_job(name: str, module: str, arguments: Sequence[str]) -> Job:
    """Return a job that runs ``python -m module arguments``, once for each minute in which cron calls it."""

    def work(slot: datetime) -> str | None:
        return _run([sys.executable, "-m", module, *arguments])

    return Job(name, Schedule(timedelta(minutes=1)), work, missed="none", is_anytime=True)


def _run(command: Sequence[str]) -> str | None:
    """Run a command, its lines as lines of our log; return the last one, and raise ``SuiteError`` if it failed."""
    newest: deque[str] = deque(maxlen=1)
    with subprocess.Popen(
        command,
        cwd=project_root(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if line.strip():
                    newest.append(line.strip())
                    log.info("%s", line.rstrip())
            code = process.wait()
        except BaseException:  # stopped at a deadline or by a person: the command must not go on alone
            process.kill()
            raise
    last = newest[0][:_MESSAGE_CHARACTERS] if newest else None
    if code:
        raise SuiteError(f"ended with {code}" + (f": {last}" if last else ""))
    return last
