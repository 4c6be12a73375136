"""How many calls of a job came to nothing: what a cron that has stopped, or was never set up, leaves behind."""

from __future__ import annotations

from datetime import datetime, timedelta

from ml_core.jobs.cron_times import CronTimes

GRACE = timedelta(minutes=5)
"""How long after its time a job may begin before the call counts as missed."""
MOST = 100
_MINUTE = timedelta(minutes=1)


def missed_calls(times: CronTimes, started_time: datetime, now: datetime) -> int:
    """Return how often a job should have been called since its newest run; ``MOST`` is that many or more."""
    missed, call = 0, times.last_until(now - GRACE)
    while call is not None and call > started_time and missed < MOST:
        missed += 1
        call = times.last_until(call - _MINUTE)
    return missed


def told_missed(missed: int) -> str:
    """Return the number in words."""
    return f"{MOST} or more calls missed" if missed >= MOST else f"{missed} call{'s' if missed > 1 else ''} missed"
