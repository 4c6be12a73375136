"""Runs a job for the slots that are due: once each, whoever else tries, with a record of every run."""

from __future__ import annotations

import logging
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from ml_core.clock import Clock, format_time
from ml_core.errors import SuiteError
from ml_core.jobs.slots import Missed, Schedule, due_slots
from ml_core.logs import current_id
from ml_core.processes import this_process
from ml_core.records import RunLease, RunState
from ml_core.store.base import Store

log = logging.getLogger(__name__)
_HISTORY = 1000
_TAIL_LINES, _TAIL_CHARACTERS = 200, 16_000

requested_time: ContextVar[datetime | None] = ContextVar("requested_time", default=None)
"""When somebody asked for the jobs of this process to be run; None if cron did."""

Work = Callable[[datetime], str | None]
"""What a job does for one slot; it may return a message for the history. It must bear being run again for the slot."""


class ExitCode(IntEnum):
    """What a cron command ends with."""

    DONE = 0
    FAILED = 1
    HELD_ELSEWHERE = 75  # EX_TEMPFAIL of sysexits.h: another process does this work now


@dataclass(frozen=True, slots=True)
class Job:
    """A cron command: its slots, its work, and how long it may take.

    The lease is renewed while the work goes on, so it only has to outlast a stall; a holder that dies is replaced
    after at most ``lease``. ``deadline`` bounds one run. ``cap`` bounds how many missed slots are made good at once.
    The work of a job that ``is_anytime`` does not depend on its slot, so it may be run between two when asked for.
    """

    name: str
    schedule: Schedule
    work: Work
    lease: timedelta = timedelta(minutes=2)
    deadline: timedelta | None = None
    missed: Missed = "last"
    cap: int = 24
    is_anytime: bool = False


class RunStopped(SuiteError):
    """A run was stopped from outside its work: its deadline passed, or its lease was lost to another holder."""


def run_job(job: Job, store: Store, clock: Clock) -> ExitCode:
    """Run a job for every slot that is due, and return what the command should end with.

    1. Read the history, and find the due slots in it, oldest first.
    2. Claim each; one that another process holds is left to it, and with it, where all that were missed are made good,
       the later ones: what a slot leaves behind is there when the next begins.
    3. Do the work, renewing the lease from a thread, until the deadline.
    4. Write how it ended, unless the lease was lost meanwhile: then it is another's run.

    A run that fails does not keep the next slot from being tried. Raises ``RuntimeError`` outside the main thread: only
    its work can be stopped by a signal.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("jobs run in the main thread, where a signal can stop them")
    now = clock.now()
    history = store.list_runs(job.name, newest=_HISTORY)
    done = {run.slot for run in history if run.state == "done"}
    first = history[0].slot if history else None
    due = due_slots(job.schedule, done, first, now, job.missed, job.cap)
    if due.left_out:
        log.warning("%s: %d older slots are left for later runs (the cap is %d)", job.name, due.left_out, job.cap)
    slots = due.slots
    asked = requested_time.get()
    if asked is not None and not slots:
        if job.is_anytime:
            slots = (asked,)
        else:
            log.warning("%s: the slot %s is done; nothing is due", job.name, format_time(job.schedule.slot_at(now)))
    codes = set()
    for slot in slots:
        codes.add(_run_slot(job, slot, store, clock))
        if job.missed == "all" and ExitCode.HELD_ELSEWHERE in codes:
            break
    for code in (ExitCode.FAILED, ExitCode.HELD_ELSEWHERE):
        if code in codes:
            return code
    return ExitCode.DONE


def _run_slot(job: Job, slot: datetime, store: Store, clock: Clock) -> ExitCode:
    holder = this_process()
    lease = store.claim_run(job.name, slot, now=clock.now(), lease=job.lease, holder=holder)
    if lease is None:
        log.info("%s: the slot %s is held elsewhere", job.name, format_time(slot))
        return ExitCode.HELD_ELSEWHERE
    token = current_id.set(f"{job.name}/{format_time(slot)}/{lease.fence}")
    try:
        with _kept_lines() as lines:
            state, message = _do_work(job, lease, store, clock)
        tail = "\n".join(lines)[-_TAIL_CHARACTERS:]
        if not store.finish_run(lease, now=clock.now(), state=state, message=message, log_tail=tail):
            log.error("%s: the lease of %s was lost, its end is not recorded", job.name, format_time(slot))
            return ExitCode.FAILED
        return ExitCode.DONE if state == "done" else ExitCode.FAILED
    finally:
        current_id.reset(token)


def _do_work(job: Job, lease: RunLease, store: Store, clock: Clock) -> tuple[RunState, str | None]:
    log.info("%s: started for %s", job.name, format_time(lease.slot))
    try:
        with _stoppable(job.deadline) as stop, _renewed(job, lease, store, clock, stop):
            message = job.work(lease.slot)
    except SuiteError as error:
        log.error("%s: %s", job.name, error.message)
        return "failed", error.message
    except Exception as error:  # whatever the work raises belongs in the history, and the next slot must be tried
        log.exception("%s: failed", job.name)
        return "failed", f"{type(error).__name__}: {error}"
    log.info("%s: done", job.name)
    return "done", message


@contextmanager
def _stoppable(deadline: timedelta | None) -> Iterator[Callable[[str], None]]:
    """Give a function that stops the work in the main thread with a reason; the deadline calls for a stop as well."""
    reason = f"stopped at its deadline of {deadline}"

    def on_alarm(number: int, frame: object) -> None:
        raise RunStopped(reason)

    def stop(why: str) -> None:
        nonlocal reason
        reason = why
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGALRM)

    before = signal.signal(signal.SIGALRM, on_alarm)
    try:
        signal.setitimer(signal.ITIMER_REAL, deadline.total_seconds() if deadline else 0)
        yield stop
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _renewed(job: Job, lease: RunLease, store: Store, clock: Clock, stop: Callable[[str], None]) -> Iterator[None]:
    """Renew the lease three times in its length while the block runs, and stop the block if it is lost."""
    ended = threading.Event()

    def renew() -> None:
        held = lease
        while not ended.wait(job.lease.total_seconds() / 3):
            try:
                renewed = store.renew_run(held, now=clock.now(), lease=job.lease)
            except SuiteError as error:
                # The store may be back before the lease runs out; if not, whoever claims next fences this run off.
                log.warning("%s: the lease could not be renewed: %s", job.name, error.message)
                continue
            if renewed is None:
                stop("stopped because its lease was lost to another process")
                return
            held = renewed

    thread = threading.Thread(target=renew, name=f"lease of {job.name}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextmanager
def _kept_lines() -> Iterator[deque[str]]:
    """Keep the last log lines of the block."""
    lines: deque[str] = deque(maxlen=_TAIL_LINES)

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    keeper = Keeper()
    keeper.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(keeper)
    try:
        yield lines
    finally:
        root.removeHandler(keeper)
