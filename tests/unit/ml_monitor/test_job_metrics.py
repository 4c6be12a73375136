"""What Prometheus learns of the cron jobs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from ml_core.clock import FixedClock
from ml_core.records import RunState
from ml_core.registry import Registry
from ml_core.store.base import Store
from ml_monitor.exporter import StoreExporter
from ml_monitor.job_metrics import STATES
from tests.factories import NOON

HOUR = timedelta(hours=1)
RETAIN = {"job_name": "retain"}


def run(store: Store, hours_ago: int, state: RunState = "done", *, took: timedelta = timedelta(seconds=30)) -> None:
    """Let the job run, for the slot so many hours before noon and at that time."""
    slot = NOON - hours_ago * HOUR
    lease = store.claim_run("retain", slot, now=slot, lease=HOUR, holder="here")
    assert lease is not None
    if state != "running":
        assert store.finish_run(lease, now=slot + took, state=state, message=None, log_tail="")


def scraped(registry: Registry, clock: FixedClock) -> CollectorRegistry:
    collected = CollectorRegistry()
    collected.register(StoreExporter(registry, clock))
    return collected


def states(samples: CollectorRegistry) -> list[str]:
    return [name for name in STATES if samples.get_sample_value("ml_job_state", {**RETAIN, "state": name}) == 1]


def test_a_job_is_told_with_its_last_good_end_its_interval_and_its_newest_run(
    registry: Registry, clock: FixedClock
) -> None:
    run(registry.store, 5)
    run(registry.store, 2)  # two slots were missed
    run(registry.store, 1)
    run(registry.store, 0, "failed", took=timedelta(seconds=7))
    samples = scraped(registry, clock)
    good_end = (NOON - HOUR + timedelta(seconds=30)).timestamp()
    assert samples.get_sample_value("ml_job_last_done_timestamp_seconds", RETAIN) == good_end
    assert samples.get_sample_value("ml_job_interval_seconds", RETAIN) == 3600
    assert samples.get_sample_value("ml_job_last_run_seconds", RETAIN) == 7
    assert states(samples) == ["failed"]


@pytest.mark.parametrize(("hours_ago", "state"), [(0, "running"), (1, "lost")])
def test_a_run_that_goes_on_is_lost_once_its_lease_has_run_out(
    registry: Registry, clock: FixedClock, hours_ago: int, state: str
) -> None:
    run(registry.store, hours_ago, "running")
    samples = scraped(registry, clock)
    assert states(samples) == [state]
    for name in ("ml_job_last_done_timestamp_seconds", "ml_job_interval_seconds", "ml_job_last_run_seconds"):
        assert samples.get_sample_value(name, RETAIN) is None


def test_a_slot_that_was_tried_twice_has_no_interval_of_its_own(registry: Registry, clock: FixedClock) -> None:
    run(registry.store, 3)
    run(registry.store, 1, "failed")
    run(registry.store, 1)
    samples = scraped(registry, clock)
    assert samples.get_sample_value("ml_job_interval_seconds", RETAIN) == 7200
    assert states(samples) == ["done"]


def test_without_jobs_nothing_is_told(registry: Registry, clock: FixedClock) -> None:
    assert states(scraped(registry, clock)) == []
