"""``schedule``: calls the jobs when they are due, where there is no cron.

Each call is a process of its own, which claims its slot as one of cron's does: two schedules at once, or one beside
cron, do the same work once. What still runs is not called again, and calls that were missed meanwhile, or while
the machine slept, become one; of calls that are late by more than a day nothing comes.
"""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from types import FrameType

import click
from apscheduler.events import EVENT_SCHEDULER_STARTED
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.blocking import BlockingScheduler
from apscheduler.triggers.base import BaseTrigger

from ml_core import logs
from ml_core.commands import plain_errors
from ml_core.config import load_settings, project_root
from ml_core.jobs.cron_block import Place
from ml_core.jobs.cron_commands import place_here
from ml_core.jobs.cron_times import CronTimes
from ml_core.jobs.known_jobs import KnownJob
from ml_core.jobs.runner import ExitCode
from ml_core.jobs.wanted_jobs import called_jobs, starts_itself, wanted_jobs

log = logging.getLogger(__name__)
_GRACE = timedelta(days=1)
_UTC = "UTC"  # of the scheduler's own times; calls are by the machine's zone, as cron's are


class CronTrigger(BaseTrigger):  # type: ignore[misc]  # the library has no types
    """Fires when cron would call; APScheduler's own counts weekdays from Monday, and has both fields of days fit."""

    def __init__(self, times: CronTimes) -> None:
        self.times = times

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """Return the first call after the previous one, or after now."""
        return self.times.next_after(previous_fire_time or now)


def keep_schedule(jobs: Sequence[KnownJob], place: Place) -> None:
    """Call the jobs when they are due, until SIGTERM or SIGINT; what runs then is finished first."""
    place.log_folder.mkdir(parents=True, exist_ok=True)
    scheduler = BlockingScheduler(
        executors={"default": ThreadPoolExecutor(max(1, len(jobs)))},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": _GRACE.total_seconds()},
        timezone=_UTC,
    )
    for job in jobs:
        scheduler.add_job(_call, CronTrigger(job.times), args=(job, place), id=job.name, name=job.name)
    started = threading.Event()
    scheduler.add_listener(lambda event: started.set(), EVENT_SCHEDULER_STARTED)
    endings: list[threading.Thread] = []

    def shut_down() -> None:
        started.wait()
        scheduler.shutdown(wait=True)

    def on_signal(number: int, frame: FrameType | None) -> None:
        # A thread does it: the main one may hold a lock of the scheduler's just now, without which no run can end.
        if not endings:
            endings.append(threading.Thread(target=shut_down, name="end of the schedule"))
            endings[0].start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    log.info("calling %s", ", ".join(job.name for job in jobs))
    scheduler.start()
    for ending in endings:
        ending.join()
    log.info("ended: no job runs any more")


def _call(job: KnownJob, place: Place) -> None:
    """Run a job's command to its end, its output in the log that cron would write."""
    with place.log_of(job).open("ab") as output:
        command = [sys.executable, "-m", job.module, *job.arguments]
        ended = subprocess.run(
            command,
            cwd=project_root(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if ended.returncode not in (ExitCode.DONE, ExitCode.HELD_ELSEWHERE):
        log.error("%s ended with %d; %s says why", job.name, ended.returncode, place.log_of(job))


@click.command()
def schedule() -> None:
    """Call all jobs when they are due, until stopped: for a machine without cron."""
    with plain_errors():
        settings = load_settings()
        logs.configure(settings.log_level)
        logging.getLogger("apscheduler").setLevel(logging.WARNING)  # it tells of each call twice
        wanted = wanted_jobs(settings).values()
        own = [job.name for job in wanted if starts_itself(job, settings)]
        if own:
            log.info("their app calls %s (cloudwatch.schedule)", ", ".join(own))
        keep_schedule(called_jobs(job for job in wanted if job.name not in own), place_here(settings))
