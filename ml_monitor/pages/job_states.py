"""How a job stands by its history: whether its newest run failed, and whether it has fallen silent.

For a job that no crontab knows, the usual distance of its slots says when the next is expected, and it is silent once
that is missed by half such a distance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Literal

from ml_core.records import JobRun

State = Literal["failed", "silent", "running", "done"]
_LEAST_GRACE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class JobState:
    """A job. ``next_time`` is when it is expected next, None while it has run too seldom to tell."""

    job: str
    state: State
    last_slot: datetime
    started_time: datetime
    seconds: float | None
    message: str | None
    next_time: datetime | None


def job_state(runs: Sequence[JobRun], now: datetime) -> JobState:
    """Return how a job stands by its newest runs, oldest first; at least one."""
    newest = runs[-1]
    slots = sorted({run.slot for run in runs})
    distances = [(after - before).total_seconds() for before, after in pairwise(slots)]
    usual = timedelta(seconds=median(distances)) if len(distances) > 1 else None
    next_time = newest.slot + usual if usual else None
    seconds = (newest.finished_time - newest.started_time).total_seconds() if newest.finished_time else None
    return JobState(
        newest.job,
        _state(newest, usual, now),
        newest.slot,
        newest.started_time,
        seconds,
        newest.message,
        next_time,
    )


def _state(newest: JobRun, usual: timedelta | None, now: datetime) -> State:
    if newest.state == "failed" or (newest.state == "running" and now >= newest.lease_until_time):
        return "failed"  # a run whose lease has ended is lost: its process died or stalled
    if usual is not None and now > newest.slot + usual + max(usual / 2, _LEAST_GRACE):
        return "silent"
    return "running" if newest.state == "running" else "done"
