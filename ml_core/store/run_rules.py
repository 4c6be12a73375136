"""Who may do a job's work for a slot: pure rules that every store uses."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ml_core.records import JobRun, RunLease


def next_fence(runs: Iterable[JobRun], now: datetime) -> int | None:
    """Return the fence of a new run for the slot of ``runs``, or None if it is done or somebody holds it.

    A run that failed may be tried again, and so may one whose lease ran out: its holder is taken for dead. Should it
    still live, its lower fence keeps it from finishing.
    """
    newest = max(runs, key=lambda run: run.fence, default=None)
    if newest is None:
        return 1
    if newest.state == "done" or (newest.state == "running" and now < newest.lease_until_time):
        return None
    return newest.fence + 1


def is_held(lease: RunLease, runs: Iterable[JobRun]) -> bool:
    """Return whether nobody has taken the slot from the holder of ``lease``, and it has not finished."""
    newest = max(runs, key=lambda run: run.fence, default=None)
    return newest is not None and newest.fence == lease.fence and newest.state == "running"
