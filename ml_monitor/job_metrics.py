"""The newest run of each cron job as Prometheus families, read from the store at scrape time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from ml_core.records import JobRun
from ml_core.store.base import Store

STATES = ("running", "done", "failed", "lost")
_HISTORY = 100


def job_families(store: Store, now: datetime) -> Iterator[Metric]:
    """Yield when each job was last done, how often it comes, how its newest run stands and how long it took."""
    # Not "job": Prometheus has a label of that name for what it scrapes.
    labels = ["job_name"]
    done = GaugeMetricFamily(
        "ml_job_last_done_timestamp_seconds", "When a run of the job last ended well.", labels=labels
    )
    interval = GaugeMetricFamily("ml_job_interval_seconds", "Shortest time between the job's slots.", labels=labels)
    seconds = GaugeMetricFamily("ml_job_last_run_seconds", "How long its newest ended run took.", labels=labels)
    state = GaugeMetricFamily("ml_job_state", "1 for the state of the newest run.", labels=[*labels, "state"])
    for job in store.list_jobs():
        runs = store.list_runs(job, newest=_HISTORY)
        if not runs:
            continue  # forgotten between the two calls
        current = state_of(runs[-1], now)
        for name in STATES:
            state.add_metric([job, name], float(name == current))
        ended = [(run, run.finished_time) for run in runs if run.finished_time is not None]
        if ended:
            newest, end_time = ended[-1]
            seconds.add_metric([job], (end_time - newest.started_time).total_seconds())
        good_ends = [end_time for run, end_time in ended if run.state == "done"]
        if good_ends:
            done.add_metric([job], max(good_ends).timestamp())
        shortest = shortest_interval(runs)
        if shortest is not None:
            interval.add_metric([job], shortest.total_seconds())
    yield from (done, interval, seconds, state)


def state_of(run: JobRun, now: datetime) -> str:
    """Return the state of a run; one whose lease has run out while it was running is lost."""
    return "lost" if run.state == "running" and now >= run.lease_until_time else run.state


def shortest_interval(runs: Sequence[JobRun]) -> timedelta | None:
    """Return the shortest time between two slots, None of a job with one slot.

    Slots lie on a regular grid, and one that was missed only makes a longer gap: the shortest is how often it comes.
    """
    slots = sorted({run.slot for run in runs})
    return min((later - earlier for earlier, later in pairwise(slots)), default=None)
