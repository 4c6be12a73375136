"""The history of job runs in SQL. Each function is the work of one transaction and may be done more than once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, update

from ml_core.clock import as_utc
from ml_core.records import JobRun, RunLease, RunState
from ml_core.store.names import check_word
from ml_core.store.run_rules import is_held, next_fence
from ml_core.store.tables import job_runs


def claim(
    connection: Connection, job: str, slot: datetime, now: datetime, lease: timedelta, holder: str
) -> RunLease | None:
    """Add a run if the rules allow one; two that try at once meet at the key, and the second looks again."""
    check_word("job", job)
    fence = next_fence(_of_slot(connection, job, slot), now)
    if fence is None:
        return None
    until = as_utc(now + lease)
    columns = {"holder": holder, "state": "running", "started_time": as_utc(now), "lease_until_time": until}
    connection.execute(insert(job_runs).values(job=job, slot=as_utc(slot), fence=fence, log_tail="", **columns))
    return RunLease(job, as_utc(slot), fence, until)


def renew(connection: Connection, held: RunLease, now: datetime, lease: timedelta) -> RunLease | None:
    """Move the end of a lease that is still held."""
    until = as_utc(now + lease)
    return replace(held, until_time=until) if _change(connection, held, lease_until_time=until) else None


def finish(
    connection: Connection, held: RunLease, now: datetime, state: RunState, message: str | None, log_tail: str
) -> bool:
    """End a run whose lease is still held."""
    return _change(connection, held, state=state, finished_time=as_utc(now), message=message, log_tail=log_tail)


def list_jobs(connection: Connection) -> list[str]:
    """Return the names of all jobs that ever ran."""
    return list(connection.execute(select(job_runs.c.job).distinct().order_by(job_runs.c.job)).scalars())


def list_runs(connection: Connection, job: str, newest: int) -> list[JobRun]:
    """Return the newest runs of a job, oldest first."""
    backwards = (
        select(job_runs)
        .where(job_runs.c.job == job)
        .order_by(job_runs.c.slot.desc(), job_runs.c.fence.desc())
        .limit(newest)
    )
    return [_run(row) for row in connection.execute(backwards).mappings().all()[::-1]]


def _change(connection: Connection, held: RunLease, **columns: Any) -> bool:
    if not is_held(held, _of_slot(connection, held.job, held.slot)):
        return False
    result = connection.execute(
        update(job_runs)
        .where(
            job_runs.c.job == held.job,
            job_runs.c.slot == held.slot,
            job_runs.c.fence == held.fence,
            job_runs.c.state == "running",
        )
        .values(**columns)
    )
    return bool(result.rowcount == 1)


def _of_slot(connection: Connection, job: str, slot: datetime) -> list[JobRun]:
    # For update: on MariaDB nobody may add a run of this slot between this look and what follows from it.
    query = (
        select(job_runs)
        .where(job_runs.c.job == job, job_runs.c.slot == as_utc(slot))
        .order_by(job_runs.c.fence)
        .with_for_update()
    )
    return [_run(row) for row in connection.execute(query).mappings()]


def _run(row: Any) -> JobRun:
    return JobRun(**row)
