"""``python -m ml_core.jobs run-requested``: runs what people have asked for on the page of jobs.

Cron calls it each minute. What is run is the command that the job has, without a shell; a request that
names anything else is refused. A job that goes by slots runs the one that is due, also again if it failed; one whose
work is the same at any time runs at once.
"""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator, Mapping

from ml_core.clock import Clock, format_time
from ml_core.config import project_root
from ml_core.jobs.job_requests import JobRequest, RequestState, list_requests, move_request
from ml_core.jobs.known_jobs import KnownJob
from ml_core.jobs.runner import ExitCode
from ml_core.store.base import Store

log = logging.getLogger(__name__)
_MESSAGES: Mapping[int, str] = {
    ExitCode.DONE: "ended well",
    ExitCode.HELD_ELSEWHERE: "another process does this work now",
}


def run_requested(store: Store, clock: Clock, known: Mapping[str, KnownJob]) -> Iterator[JobRequest]:
    """Run each job that waits, one after the other, and yield its request when it has ended.

    A request is claimed before its job is run, so two calls of this never run the same.
    """
    for request in list_requests(store).values():
        if request.state != "requested":
            continue
        claimed = move_request(store, request, "running", now=clock.now())
        if claimed is None:
            continue
        state, message = _run(claimed, known.get(claimed.job))
        log.info("%s: %s: %s", claimed.job, state, message)
        ended = move_request(store, claimed, state, now=clock.now(), message=message)
        if ended is not None:
            yield ended


def _run(request: JobRequest, job: KnownJob | None) -> tuple[RequestState, str]:
    if job is None:
        return "refused", "no such job is wanted here"
    if job.needs_shell:
        return "refused", "its line in the crontab needs a shell; cron alone runs it"
    command = [sys.executable, "-m", "ml_core.jobs", "now", format_time(request.requested_time), job.module]
    ended = subprocess.run([*command, *job.arguments], cwd=project_root(), stdin=subprocess.DEVNULL, check=False)
    message = _MESSAGES.get(ended.returncode, f"ended with {ended.returncode}; its log says why")
    return ("done" if ended.returncode == ExitCode.DONE else "failed"), message
