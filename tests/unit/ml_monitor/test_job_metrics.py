"""What Prometheus learns of the cron jobs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from ml_core.clock import FixedClock
from ml_core.records import RunState
from ml_core.registry import Registry
from ml_core.settings import Settings
from ml_core.store.base import Store
from ml_monitor.exporter import StoreExporter
from ml_monitor.job_metrics import STATES
from tests.factories import NOON

HOUR = timedelta(hours=1)
RETAIN = {"job_name": "retain"}


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose clock, by which cron goes, is UTC."""
    with monkeypatch.context() as changed:
        changed.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


def run(store: Store, hours_ago: int, state: RunState = "done", *, took: timedelta = timedelta(seconds=30)) -> None:
    """Let the job run, for the slot so many hours before noon and at that time."""
    slot = NOON - hours_ago * HOUR
    lease = store.claim_run("retain", slot, now=slot, lease=HOUR, holder="here")
    assert lease is not None
    if state != "running":
        assert store.finish_run(lease, now=slot + took, state=state, message=None, log_tail="")


def scraped(registry: Registry, clock: FixedClock, crontab: str | None = None) -> CollectorRegistry:
    collected = CollectorRegistry()
    collected.register(StoreExporter(registry, clock, None if crontab is None else Settings(crontab=crontab)))
    return collected


def states(samples: CollectorRegistry) -> list[str]:
    return [name for name in STATES if samples.get_sample_value("ml_job_state", {**RETAIN, "state": name}) == 1]


def test_a_job_is_told_with_its_last_good_end_and_its_newest_run(registry: Registry, clock: FixedClock) -> None:
    run(registry.store, 5)
    run(registry.store, 1)
    run(registry.store, 0, "failed", took=timedelta(seconds=7))
    samples = scraped(registry, clock)
    good_end = (NOON - HOUR + timedelta(seconds=30)).timestamp()
    assert samples.get_sample_value("ml_job_last_done_timestamp_seconds", RETAIN) == good_end
    assert samples.get_sample_value("ml_job_last_run_seconds", RETAIN) == 7
    assert states(samples) == ["failed"]


@pytest.mark.parametrize(("hours_ago", "state"), [(0, "running"), (1, "lost")])
def test_a_run_that_goes_on_is_lost_once_its_lease_has_run_out(
    registry: Registry, clock: FixedClock, hours_ago: int, state: str
) -> None:
    run(registry.store, hours_ago, "running")
    samples = scraped(registry, clock)
    assert states(samples) == [state]
    for name in ("ml_job_last_done_timestamp_seconds", "ml_job_last_run_seconds"):
        assert samples.get_sample_value(name, RETAIN) is None


def test_a_slot_that_was_tried_twice_stands_as_the_second_try_ended(registry: Registry, clock: FixedClock) -> None:
    run(registry.store, 1, "failed")
    run(registry.store, 1)
    assert states(scraped(registry, clock)) == ["done"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("*/5 * * * *", NOON - timedelta(minutes=10)),  # 12:00, 11:55, 11:50
        ("30 * * * *", NOON - timedelta(minutes=150)),
        ("0 9 * * 1-5", NOON - timedelta(days=2, hours=3)),  # noon is on a Friday
    ],
)
@pytest.mark.usefixtures("utc")
def test_the_third_newest_call_is_since_when_a_job_of_the_crontab_should_be_done(
    registry: Registry, clock: FixedClock, tmp_path: Path, fields: str, expected: datetime
) -> None:
    crontab = tmp_path / "crontab"
    crontab.write_text(f"# retain: forget\n{fields} python -m ml_core.store retain\n")
    run(registry.store, 0)
    samples = scraped(registry, clock, str(crontab))
    assert samples.get_sample_value("ml_job_expected_timestamp_seconds", RETAIN) == expected.timestamp()


def test_nothing_is_expected_of_a_job_that_is_none_of_the_wanted(
    registry: Registry, clock: FixedClock, tmp_path: Path
) -> None:
    run(registry.store, 0)
    for crontab in ("", str(tmp_path / "absent"), None):
        samples = scraped(registry, clock, crontab)
        assert samples.get_sample_value("ml_job_expected_timestamp_seconds", RETAIN) is None
        assert states(samples) == ["done"]


def test_without_jobs_nothing_is_told(registry: Registry, clock: FixedClock) -> None:
    assert states(scraped(registry, clock)) == []
