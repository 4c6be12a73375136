"""What the pages of jobs show: every job that is wanted and every one that ever ran, those that need a look first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Literal, get_args

from ml_core.config import resolve_path
from ml_core.errors import ConfigurationError, NotFound
from ml_core.jobs.cron_times import CronTimes
from ml_core.jobs.job_requests import JobRequest, list_requests
from ml_core.jobs.known_jobs import KnownJob
from ml_core.jobs.missed_calls import missed_calls, told_missed
from ml_core.jobs.wanted_jobs import wanted_jobs
from ml_core.records import JobRun
from ml_core.settings import Settings
from ml_core.store.base import Store
from ml_monitor.pages.job_states import job_state

State = Literal["failed", "silent", "never ran", "running", "done"]
STATES: tuple[State, ...] = get_args(State)
RunOutcome = Literal["running", "done", "failed", "lost"]
NEWEST_RUNS = 50
_RUNS_FOR_STATE = 12
PICK_UP_SECONDS = 180
"""After this long a request that nobody has picked up is worth a word: cron looks each minute."""


@dataclass(frozen=True, slots=True)
class RunLine:
    """One run of a job. ``seconds`` is how long it took, or has been taking; a lost one ended without a word."""

    slot: datetime
    attempt: int
    outcome: RunOutcome
    started_time: datetime
    finished_time: datetime | None
    seconds: float
    holder: str
    message: str
    log_tail: str


@dataclass(frozen=True, slots=True)
class JobLine:
    """One job. ``schedule`` is its cron line's five fields, empty for a job that is not wanted here.

    ``missed`` counts the calls since its newest run that came to nothing; ``refusal`` says why it cannot be run from
    here; ``request`` is the newest one to run it now.
    """

    job: str
    description: str
    command: str
    schedule: str
    state: State
    last: RunLine | None
    missed: int
    next_time: datetime | None
    refusal: str
    request: JobRequest | None

    @property
    def missed_words(self) -> str:
        """How many calls were missed, in words."""
        return told_missed(self.missed)

    def waits_unheard(self, now: datetime) -> bool:
        """Return whether a request has waited for longer than it should take to pick it up."""
        request = self.request
        if request is None or request.state != "requested":
            return False
        return (now - request.changed_time).total_seconds() > PICK_UP_SECONDS


@dataclass(frozen=True, slots=True)
class JobsPage:
    """All jobs. ``trouble`` says why the crontab cannot be read, if it cannot."""

    time: datetime
    jobs: tuple[JobLine, ...]
    trouble: str = ""

    def of(self, *states: State) -> list[JobLine]:
        """Return the jobs in some states."""
        return [job for job in self.jobs if job.state in states]


@dataclass(frozen=True, slots=True)
class JobPage:
    """One job with its newest runs, the newest first."""

    time: datetime
    job: JobLine
    runs: tuple[RunLine, ...] = field(default=())
    trouble: str = ""


def known_jobs(settings: Settings) -> tuple[Mapping[str, KnownJob], str]:
    """Return the wanted jobs, or why they cannot be read: what has run can be shown all the same."""
    try:
        changed = resolve_path(settings.crontab).stat().st_mtime_ns if settings.crontab else 0
    except OSError:
        changed = 0  # reading it says why
    return _known_jobs(settings, changed)


@lru_cache(maxsize=256)
def _next_call(times: CronTimes, minute: datetime) -> datetime | None:
    """Return when cron calls a job next, looked for once a minute."""
    return times.next_after(minute)


@lru_cache(maxsize=4)
def _known_jobs(settings: Settings, changed: int) -> tuple[Mapping[str, KnownJob], str]:
    """Read a crontab once for each time that it was changed at."""
    try:
        return wanted_jobs(settings), ""
    except ConfigurationError as error:
        return {}, error.message


def read_jobs_page(store: Store, known: Mapping[str, KnownJob], now: datetime, trouble: str = "") -> JobsPage:
    """Return all jobs, those that need a look first, then by when they are due."""
    requests = list_requests(store)
    names = dict.fromkeys([*known, *store.list_jobs()])
    lines = [
        _line(name, known.get(name), store.list_runs(name, newest=_RUNS_FOR_STATE), requests.get(name), now)
        for name in names
    ]
    ordered = sorted(lines, key=lambda line: (min(STATES.index(line.state), 3), line.next_time or now, line.job))
    return JobsPage(now, tuple(ordered), trouble)


def read_job_page(store: Store, known: Mapping[str, KnownJob], name: str, now: datetime, trouble: str = "") -> JobPage:
    """Return one job; raise ``NotFound``."""
    runs = store.list_runs(name, newest=NEWEST_RUNS)
    if not runs and name not in known:
        raise NotFound(f"no job {name[:60]!r} is to run here, and none has ever run")
    line = _line(name, known.get(name), runs, list_requests(store).get(name), now)
    return JobPage(now, line, tuple(_run(run, now) for run in reversed(runs)), trouble)


def jobs_verdict(page: JobsPage) -> str:
    """Return what is wrong with the jobs in one sentence, the worst first."""
    if not page.jobs:
        return "No job is known yet."
    parts = []
    if failed := page.of("failed"):
        parts.append(f"{_named(failed)} failed{_reason(failed)}")
    if silent := page.of("silent"):
        parts.append(f"{_named(silent)} {'has' if len(silent) == 1 else 'have'} fallen silent")
    if never := page.of("never ran"):
        parts.append(f"{_named(never)} never ran")
    if not parts:
        return f"All {len(page.jobs)} jobs ran when they were due." if len(page.jobs) > 1 else "The job ran when due."
    return "; ".join(parts).removesuffix(".") + "."


def job_verdict(page: JobPage) -> str:
    """Return how one job stands in one sentence."""
    last = page.job.last
    if last is None:
        return "This job has never run: does cron or the schedule call it?"
    reason = f": {last.message.removesuffix('.')}" if last.message else ""
    if page.job.state == "silent":
        return f"This job has not run again, {page.job.missed_words}: does cron or the schedule still call it?"
    return {
        "failed": f"The newest run failed{reason}.",
        "lost": "The newest run ended without a word: its process was killed or stalled.",
        "running": "It runs now.",
        "done": f"The newest run ended well{reason}.",
    }[last.outcome]


def _line(
    name: str, known: KnownJob | None, runs: Sequence[JobRun], request: JobRequest | None, now: datetime
) -> JobLine:
    if known:
        following = _next_call(known.times, now.replace(second=0, microsecond=0))
    else:
        following = job_state(runs, now).next_time if runs else None
    missed = missed_calls(known.times, runs[-1].started_time, now) if known and runs else 0
    return JobLine(
        job=name,
        description=known.description if known else "",
        command=known.command if known else "",
        schedule=known.fields if known else "",
        state=_state(known, runs, missed, now),
        last=_run(runs[-1], now) if runs else None,
        missed=missed,
        next_time=following,
        refusal=_refusal(known),
        request=request,
    )


def _state(known: KnownJob | None, runs: Sequence[JobRun], missed: int, now: datetime) -> State:
    if not runs:
        return "never ran"
    found = job_state(runs, now).state
    if known is None or found == "failed":
        return found
    if runs[-1].state == "running":
        return "running"
    return "silent" if missed else "done"


def _run(run: JobRun, now: datetime) -> RunLine:
    is_lost = run.state == "running" and now >= run.lease_until_time
    until = run.finished_time or (run.lease_until_time if is_lost else now)
    return RunLine(
        slot=run.slot,
        attempt=run.fence,
        outcome="lost" if is_lost else run.state,
        started_time=run.started_time,
        finished_time=run.finished_time,
        seconds=max(0.0, (until - run.started_time).total_seconds()),
        holder=run.holder,
        message=run.message or "",
        log_tail=run.log_tail,
    )


def _refusal(known: KnownJob | None) -> str:
    if known is None:
        return "It is none of the jobs that are wanted here (settings crontab and jobs.off)."
    return "Its line in the crontab needs a shell, so cron alone runs it." if known.needs_shell else ""


def _named(lines: Sequence[JobLine]) -> str:
    names = [line.job for line in lines]
    if len(names) > 3:
        return f"{len(names)} jobs ({', '.join(names[:2])} and more)"
    return " and ".join(", ".join(names).rsplit(", ", 1))


def _reason(failed: Sequence[JobLine]) -> str:
    last = failed[0].last
    return f": {last.message.removesuffix('.')}" if len(failed) == 1 and last and last.message else ""
