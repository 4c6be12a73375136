"""Which jobs are wanted here: those of the suite, or of the crontab that a setting names, but for those turned off."""

from __future__ import annotations

from collections.abc import Iterable

from ml_core.config import resolve_path
from ml_core.errors import ConfigurationError
from ml_core.jobs.known_jobs import KnownJob, read_known_jobs
from ml_core.jobs.suite_jobs import RUN_REQUESTED, SUITE_JOBS
from ml_core.settings import Settings


def wanted_jobs(settings: Settings) -> dict[str, KnownJob]:
    """Return the wanted jobs by name; raise ``ConfigurationError`` for a wrong crontab, or a name that is no job's."""
    known = read_known_jobs(resolve_path(settings.crontab)) if settings.crontab else SUITE_JOBS
    for name in settings.jobs.off:
        if name not in known:
            raise ConfigurationError(f"jobs.off: there is no job {name[:60]!r}: expected {', '.join(known)}")
    return {name: job for name, job in known.items() if name not in settings.jobs.off}


def called_jobs(jobs: Iterable[KnownJob]) -> list[KnownJob]:
    """Return what a clock is to call: the jobs, and the command that runs those that people have asked for.

    Raises ``ConfigurationError`` for one that only a shell can run: cron alone calls it, by a line that people write.
    """
    called = [*jobs, RUN_REQUESTED]
    for job in called:
        if job.needs_shell:
            raise ConfigurationError(
                f"crontab: the line of {job.name} needs a shell, so nothing else can be made of it: write it without "
                f"one, or turn it off here (jobs.off) and keep its line in your crontab"
            )
    return called


def starts_itself(job: KnownJob, settings: Settings) -> bool:
    """Return whether the settings have the job's app start it, so that a schedule beside the app need not."""
    value: object = settings if job.own else False
    for part in job.own.split(".") if job.own else ():
        value = getattr(value, part)
    return bool(value)
