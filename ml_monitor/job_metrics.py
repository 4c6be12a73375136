"""The newest run of each cron job as Prometheus families, read from the store at scrape time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from ml_core.jobs.cron_times import CronTimes
from ml_core.jobs.known_jobs import KnownJob
from ml_core.records import JobRun
from ml_core.store.base import Store

STATES = ("running", "done", "failed", "lost")
_HISTORY = 100
_CALLS = 3
_MINUTE = timedelta(minutes=1)


def job_families(store: Store, now: datetime, known: Mapping[str, KnownJob]) -> Iterator[Metric]:
    """Yield when each job that ever ran was last done, how its newest run stands and how long it took.

    Of those that are ``known`` also since when they should have been done.
    """
    # Not "job": Prometheus has a label of that name for what it scrapes.
    labels = ["job_name"]
    done = GaugeMetricFamily(
        "ml_job_last_done_timestamp_seconds", "When a run of the job last ended well.", labels=labels
    )
    expected = GaugeMetricFamily(
        "ml_job_expected_timestamp_seconds",
        "Since when a run should have ended well: the third newest call of its schedule.",
        labels=labels,
    )
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
        due = expected_time(known[job].times, now) if job in known else None
        if due is not None:
            expected.add_metric([job], due.timestamp())
    yield from (done, expected, seconds, state)


def state_of(run: JobRun, now: datetime) -> str:
    """Return the state of a run; one whose lease has run out while it was running is lost."""
    return "lost" if run.state == "running" and now >= run.lease_until_time else run.state


def expected_time(times: CronTimes, now: datetime) -> datetime | None:
    """Return since when the job must have ended well, if it goes by its schedule: the third newest of its calls.

    Not some length of time: a job of weekdays has days off.
    """
    call = times.last_until(now)
    for _ in range(_CALLS - 1):
        call = times.last_until(call - _MINUTE) if call is not None else None
    return call
